const mark: Buffer = Buffer.from([0xef, 0xbb, 0xbf]);
const none: Buffer = Buffer.alloc(0);

/** Takes a UTF-8 byte-order mark off the start of a stream, also one that comes in parts. */
export class ByteOrderMark {
  /** Bytes of the mark seen; its length also once it is known that there is none. */
  #seen = 0;

  get settled(): boolean {
    return this.#seen === mark.length;
  }

  /** Bytes at the start of the chunk that are the mark's. What turned out to be none, in chunks before, goes to `giveBack`. */
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

  /** The part of a mark that was not followed by the rest of it; it is settled then. */
  unfinished(): Uint8Array {
    const bytes = this.settled ? none : mark.subarray(0, this.#seen);
    this.#seen = mark.length;
    return bytes;
  }
}
