import type { Writable } from 'node:stream';
import { fileReason } from '../../file-reason.ts';
import type { Target } from './target.ts';

/** The most bytes that are held until their records are complete. */
const mostHeldBytes = 256 * 1024 ** 2;

/** The reader of the output has gone, as `head -1` does: that is no failure. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** Standard output, or another file whose lines cannot be removed: with `holds` lines are held until they are final. */
export class StreamTarget implements Target {
  readonly name: string;
  readonly #stream: Writable;
  readonly #holds: boolean;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(name: string, stream: Writable, holds: boolean) {
    this.name = name;
    this.#stream = stream;
    this.#holds = holds;
    stream.on('error', (error) => {
      const gone = 'code' in error && error.code === 'EPIPE';
      this.#error ??= gone ? new ReaderGone() : unwritable(name, error);
      this.#wake();
    });
    stream.on('drain', () => this.#wake());
  }

  async begin(): Promise<void> {}

  async write(bytes: Buffer): Promise<void> {
    if (!this.#holds) return this.#send(bytes);
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= mostHeldBytes) return;
    const why = `lines of more than ${mostHeldBytes / 1024 ** 2} MiB follow the last checkpoint, and are not final`;
    throw new Error(`${why}; write to a file (--out FILE), which has no such limit`);
  }

  async commit(): Promise<number> {
    const held = this.#held;
    this.#forget();
    for (const bytes of held) await this.#send(bytes);
    return 0;
  }

  async rollback(): Promise<void> {
    this.#forget();
  }

  async close(): Promise<void> {
    await this.commit();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#error === undefined) this.#stream.write('', () => resolve());
      else resolve();
    });
    if (this.#error !== undefined) throw this.#error;
  }

  #forget(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#stream.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (!this.#stream.writableNeedDrain || this.#stream.errored !== null) resolve();
    });
    if (this.#error !== undefined) throw this.#error;
  }
}

const unwritable = (name: string, cause: Error): Error =>
  new Error(`${name} cannot be written: ${fileReason(cause, 'written')}`, { cause });
