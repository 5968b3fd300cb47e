const mark: Buffer = Buffer.from([0xef, 0xbb, 0xbf]);
const none: Buffer = Buffer.alloc(0);

/** Removes a UTF-8 byte-order mark from the start of a stream, also if it comes in parts. */
export class ByteOrderMark {
  /** Bytes of the mark read so far; its whole length also if the stream has no mark. */
  #seen = 0;

  get settled(): boolean {
    return this.#seen === mark.length;
  }

  /** Number of bytes at the start of the chunk that belong to the mark. Bytes of earlier chunks that are no mark after all go to `giveBack`. */
  skip(chunk: Uint8Array, giveBack: (bytes: Uint8Array) => void): number {
    let at = 0;
    while (!this.settled && at < chunk.length) {
      if (chunk[at] !== mark[this.#seen]) {
        giveBack(this.unfinished());
        return at;
      }
      this.#seen++;
      at++;
    }
    return at;
  }

  /** The bytes that looked like the start of a mark. No more bytes are compared after this. */
  unfinished(): Uint8Array {
    const bytes = this.settled ? none : mark.subarray(0, this.#seen);
    this.#seen = mark.length;
    return bytes;
  }
}
