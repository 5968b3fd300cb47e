import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** O_TMPFILE of Linux: a file without a name. Node.js does not have the constant; see open(2). */
const TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** A file system that does not support it. */
const unsupported: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);
const ownerOnly = 0o600;

/**
 * A file without a name, so that nothing is left of it when the process ends, however that happens.
 *
 *     [ read | waits | free ]
 *            ^ start ^ end
 */
export class SpoolFile {
  readonly #handle: FileHandle;
  #start = 0;
  #end = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Rejects if the file cannot be made. */
  static async create(dir: string): Promise<SpoolFile> {
    return new SpoolFile((await openWithoutName(dir)) ?? (await openAndUnlink(dir)));
  }

  /** Bytes that were ever written. */
  get writtenBytes(): number {
    return this.#end;
  }

  /** Bytes that were written and not read. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Appends the chunks. Rejects if not all of them could be written; then none of them counts. A full disk is reported by
   * a short write first.
   */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let at = this.#end;
    for (const chunk of chunks) {
      for (let from = 0; from < chunk.byteLength;) {
        const { bytesWritten } = await this.#handle.write(chunk, from, chunk.byteLength - from, at);
        from += bytesWritten;
        at += bytesWritten;
      }
    }
    this.#end = at;
  }

  /** The next bytes, `mostBytes` at the most. */
  async read(mostBytes: number): Promise<Buffer> {
    const length = Math.min(mostBytes, this.waitingBytes);
    const bytes = Buffer.allocUnsafeSlow(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.#handle.read(bytes, read, length - read, this.#start + read);
      if (bytesRead === 0) throw new Error('a file of the spool is shorter than it was');
      read += bytesRead;
    }
    this.#start += length;
    return bytes;
  }

  /** The disk has its room again, after the calls that are under way. */
  close(): void {
    this.#handle.close().catch(() => {});
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
