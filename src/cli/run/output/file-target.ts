import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import { fileReason } from '../../file-reason.ts';
import { type Compression, compressionOf } from '../input/decoded.ts';
import type { Target } from './target.ts';

/**
 * A regular file. A compressed one has a member (gzip) or a frame (zstd) for the lines of each commit, so that what is
 * left after a kill can be cut at the end of one. What an earlier run left stays until `begin`.
 *
 *     file    [ committed │ written since │
 *                         ▲ rollback, and `begin` in the next run with --state, cut here
 */
export class FileTarget implements Target {
  readonly name: string;
  readonly #file: FileHandle;
  readonly #compression: Compression | undefined;
  /** Whether a commit waits until the disk has the bytes. */
  readonly #durable: boolean;
  #encoder: Transform | undefined;
  #encoded: Buffer[] = [];
  #committed: number;
  #length: number;
  /** Whether the file still has what an earlier run left after `#committed`. */
  #old: boolean;

  private constructor(name: string, file: FileHandle, durable: boolean, length: number, old: boolean) {
    this.name = name;
    this.#old = old;
    this.#file = file;
    this.#compression = compressionOf(name);
    this.#durable = durable;
    this.#committed = length;
    this.#length = length;
  }

  /** Opens a file of which the first `length` bytes are kept. Throws Error if it is shorter. */
  static async open(flag: string, name: string, durable: boolean, length: number): Promise<FileTarget> {
    let file: FileHandle | undefined;
    try {
      // Created if it is not there, and kept if it is.
      file = await open(name, length === 0 ? constants.O_WRONLY | constants.O_CREAT : 'r+');
      const { size } = await file.stat();
      if (size < length) throw new Error(`it has ${size} bytes, and ${length} were written`);
      return new FileTarget(name, file, durable, length, size > length);
    } catch (error) {
      await file?.close();
      throw new Error(`${flag} ${name} cannot be written: ${fileReason(error, 'written')}`, { cause: error });
    }
  }

  async begin(): Promise<void> {
    if (!this.#old) return;
    this.#old = false;
    await this.#file.truncate(this.#committed);
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#compression === undefined) return this.#append(bytes);
    const encoder = (this.#encoder ??= this.#newEncoder(this.#compression));
    await new Promise<void>((resolve, reject) => {
      encoder.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    await this.#appendEncoded();
  }

  async commit(): Promise<number> {
    await this.#endEncoder();
    if (this.#durable && this.#length > this.#committed) await this.#file.datasync();
    this.#committed = this.#length;
    return this.#committed;
  }

  async rollback(): Promise<void> {
    this.#encoder?.destroy();
    this.#encoder = undefined;
    this.#encoded = [];
    if (this.#length > this.#committed) await this.#file.truncate(this.#committed);
    this.#length = this.#committed;
  }

  async close(): Promise<void> {
    // A compressed file without lines is an empty member: an empty file would be a broken one.
    if (this.#compression !== undefined && this.#length === 0 && !this.#old) await this.write(Buffer.alloc(0));
    await this.#endEncoder();
    await this.#file.close();
  }

  #newEncoder(compression: Compression): Transform {
    const encoder = compression === 'gzip' ? createGzip() : createZstdCompress();
    encoder.on('data', (bytes: Buffer) => this.#encoded.push(bytes));
    return encoder;
  }

  async #endEncoder(): Promise<void> {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    this.#encoder = undefined;
    const ended = once(encoder, 'end');
    encoder.end();
    await ended;
    await this.#appendEncoded();
  }

  async #appendEncoded(): Promise<void> {
    const encoded = this.#encoded;
    this.#encoded = [];
    for (const bytes of encoded) await this.#append(bytes);
  }

  async #append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file
        .write(bytes, done, bytes.length - done, this.#length)
        .catch((error: unknown) => {
          throw new Error(`${this.name} cannot be written: ${fileReason(error, 'written')}`, { cause: error });
        });
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }
}
