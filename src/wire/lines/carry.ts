/**
 * Bytes of the one line that has begun and not ended yet, copied from their chunks.
 *
 *   #bytes  [ {"id":17,"na | . . . . . . ]
 *             0            ^ length      ^ capacity, doubled when it is full
 *
 * A copy, because a list of slices would keep whole chunks alive, and a line that comes byte by byte would
 * cost a Buffer object for each byte. On average every byte is copied a bounded number of times.
 */
export class Carry {
  readonly #mostBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  /** A line is never longer than `mostBytes`: the buffer does not grow beyond that. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory in use. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.#bytes.length, this.#mostBytes), 256));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** The bytes so far; valid until the next `append`. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Empties it, and frees the buffer of an unusually long line. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > 64 * 1024) this.#bytes = Buffer.alloc(0);
  }
}
