/** The longest text that a buffer is there for. */
const MAX_CHARS = 128 * 1024;
/** A text that is shorter costs less than a buffer. */
const MIN_CHARS = 2048;
/** UTF-8 needs no more for one UTF-16 code unit. */
const BYTES_PER_CHAR = 3;
const MAX_BUFFERS = 16;

/**
 * Buffers that texts are encoded into on their way to a socket; used over and over, 6 MiB at the most.
 *
 *     take ◀── [ free ][ free ]        out: with a socket that has not sent it yet
 *                     ▲───────────────── give
 *
 * A string that is written costs two looks at its length in bytes and one more copy; a new Buffer for each write
 * would wait outside of the heap for the next collection, 20 MB of them.
 */
export class EncodeBuffers {
  readonly #free: Buffer[] = [];
  #made = 0;

  /** One that holds the text, whatever it consists of; undefined where a string is to be written as it is. */
  take(chars: number): Buffer | undefined {
    if (chars < MIN_CHARS || chars > MAX_CHARS) return undefined;
    const buffer = this.#free.pop();
    if (buffer !== undefined || this.#made >= MAX_BUFFERS) return buffer;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(MAX_CHARS * BYTES_PER_CHAR);
  }

  /** Nobody reads it any more. */
  give(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
