/**
 * Bytes of the one line that has begun and not ended yet, copied out of the chunks they came in.
 *
 *   #bytes  [ {"id":17,"na | . . . . . . ]
 *             0            ^ length      ^ capacity, doubled when it is full
 *
 * A copy, because a list of slices would keep whole chunks alive, and a line that comes byte by byte would
 * cost a Buffer object for each. Every byte is copied a bounded number of times on the average.
 */
export class Carry {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length, 256));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** What has been gathered; valid until the next `append`. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Empties it. The room of one unusually long line is given back. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > 64 * 1024) this.#bytes = Buffer.alloc(0);
  }
}
