import { BLOCK, blockBytes, memoryBytes } from './json-memory.ts';

/** The least that is copied; it costs as much as copying a byte. */
const leastBytes = 1024;
/** How many times as much is copied where a block goes on. */
const growth = 4;

/**
 * The part of a block of lines that stands in the memory of the scan.
 *
 *   block    [ line | line | line | line | line | line | line | line ... ]
 *   loads    `- 1 KiB -´`------- 4 KiB ------´`----- 16 KiB, then the rest
 *
 * A block whose lines are read one after the other is copied in a few calls. Of streams that take turns line by line,
 * little more is copied than the lines.
 */
export class BlockWindow {
  #block: Buffer | undefined;
  /** Of the block, the bytes from here up to there are in the memory. */
  #from = 0;
  #end = 0;

  /**
   * Where in the memory the byte at `from` stands, and all up to `end` and one more with it; -1 where that is too much.
   * A block must not be changed, as long as it is given here.
   */
  place(block: Buffer, from: number, end: number): number {
    if (block !== this.#block || from < this.#from || end >= this.#end) {
      if (end - from >= blockBytes) return -1;
      this.#load(block, from, end);
    }
    return BLOCK + from - this.#from;
  }

  #load(block: Buffer, from: number, end: number): void {
    const goesOn = block === this.#block && from >= this.#from;
    const wish = Math.max(goesOn ? growth * (this.#end - this.#from) : leastBytes, end + 1 - from);
    const until = from + Math.min(wish, blockBytes);
    block.copy(memoryBytes, BLOCK, from, until);
    this.#block = block;
    this.#from = from;
    this.#end = until;
  }
}
