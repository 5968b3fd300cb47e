import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpoolSpace } from './spool-space.ts';

/** O_TMPFILE of Linux: a file without a name. Node.js does not have the constant; see open(2). */
const TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** A file system that does not support it. */
const unsupported: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);
const ownerOnly = 0o600;

/**
 * A file without a name, so that nothing is left of it when the process ends, however that happens.
 *
 *     [ read | waits | being written ]
 *            ^ start ^ end           ^ length
 *
 * All of its length counts in the space until the file is closed, because the disk has no room back before.
 */
export class SpoolFile {
  readonly #handle: FileHandle;
  readonly #space: SpoolSpace;
  #start = 0;
  #end = 0;
  #length = 0;
  #closed = false;

  private constructor(handle: FileHandle, space: SpoolSpace) {
    this.#handle = handle;
    this.#space = space;
  }

  /** Rejects if the file cannot be made. */
  static async create(space: SpoolSpace): Promise<SpoolFile> {
    const { dir } = space;
    return new SpoolFile((await openWithoutName(dir)) ?? (await openAndUnlink(dir)), space);
  }

  /** Bytes that the file takes on disk, those that are being written included. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that were written and not read. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Appends the chunks. Rejects if not all of them could be written; then none of them counts, and the file is as long as
   * before. A full disk is reported by a short write first.
   */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#length += bytes;
    this.#space.stored(bytes);
    try {
      let at = this.#end;
      for (const chunk of chunks) {
        for (let from = 0; from < chunk.byteLength;) {
          const { bytesWritten } = await this.#handle.write(chunk, from, chunk.byteLength - from, at);
          from += bytesWritten;
          at += bytesWritten;
        }
      }
      this.#end = at;
    } catch (error) {
      // Some of the bytes may be on disk.
      await this.#handle.truncate(this.#end).catch(() => {});
      if (!this.#closed) {
        this.#length -= bytes;
        this.#space.stored(-bytes);
      }
      throw error;
    }
  }

  /** Reads the next bytes, `mostBytes` at the most, into `memory`. Returns the part of it that has them. */
  async read(memory: Buffer, mostBytes: number): Promise<Buffer> {
    const length = Math.min(mostBytes, this.waitingBytes);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.#handle.read(memory, read, length - read, this.#start + read);
      if (bytesRead === 0) throw new Error('a file of the spool is shorter than it was');
      read += bytesRead;
    }
    this.#start += length;
    return memory.subarray(0, length);
  }

  /** The disk has its room again, after the calls that are under way; until then the file counts. */
  close(): void {
    this.#closed = true;
    const freed = (): void => this.#space.freed(this.#length);
    this.#handle.close().then(freed, freed);
  }
}

/** Undefined if the system or the file system has no such files. */
async function openWithoutName(dir: string): Promise<FileHandle | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    return await open(dir, TMPFILE | constants.O_RDWR, ownerOnly);
  } catch (error) {
    if (error instanceof Error && 'code' in error && unsupported.has(error.code)) return undefined;
    throw error;
  }
}

async function openAndUnlink(dir: string): Promise<FileHandle> {
  const path = join(dir, `millrace-spool-${process.pid}-${randomUUID()}`);
  const handle = await open(path, 'wx+', ownerOnly);
  try {
    await unlink(path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
