/** The longest text that gets a buffer. */
const MAX_CHARS = 128 * 1024;
/** For a shorter text, a buffer costs more than it saves. */
const MIN_CHARS = 2048;
/** UTF-8 needs at most this many bytes for one UTF-16 code unit. */
const BYTES_PER_CHAR = 3;
const MAX_BUFFERS = 16;

/**
 * Buffers into which texts are encoded on their way to a socket. They are used again and again, and take 6 MiB at most.
 *
 *     take ◀── [ free ][ free ]        lent: to a socket that has not sent it yet
 *                     ▲───────────────── give
 *
 * Node.js computes the length of a written string twice, and copies it once more. A new Buffer for each write would
 * leave 20 MB outside of the heap until the next garbage collection.
 */
export class EncodeBuffers {
  readonly #free: Buffer[] = [];
  #made = 0;

  /** A buffer with room for any text of this length; undefined if the text should be written as a string. */
  take(chars: number): Buffer | undefined {
    if (chars < MIN_CHARS || chars > MAX_CHARS) return undefined;
    const buffer = this.#free.pop();
    if (buffer !== undefined || this.#made >= MAX_BUFFERS) return buffer;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(MAX_CHARS * BYTES_PER_CHAR);
  }

  /** Takes a buffer back that no socket reads any more. */
  give(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
