import { BLOCK, blockBytes, memoryBytes } from './json-memory.ts';

/** The least number of bytes that is copied; it costs as much as copying one. */
const leastBytes = 1024;
/** The factor by which each load of the same block is larger than the one before. */
const growth = 4;

/**
 * Keeps the part of a block of lines that is being scanned in the memory of the scan.
 *
 *   block    [ line | line | line | line | line | line | line | line ... ]
 *   loads    `- 1 KiB -´`------- 4 KiB ------´`----- 16 KiB, then the rest
 *
 * If the lines of a block are read one after the other, the block is copied in a few calls. If lines of several
 * blocks are read alternately, little more than the lines is copied.
 */
export class BlockWindow {
  #block: Buffer | undefined;
  /** The bytes of the block from `#from` up to `#end` are in the memory. */
  #from = 0;
  #end = 0;

  /**
   * The address of the byte at `from`; the bytes up to `end`, and one more, follow it. -1 if they are too many. A block
   * must not change while its lines are scanned.
   */
  addressOf(block: Buffer, from: number, end: number): number {
    if (block !== this.#block || from < this.#from || end >= this.#end) {
      if (end - from >= blockBytes) return -1;
      this.#load(block, from, end);
    }
    return BLOCK + from - this.#from;
  }

  #load(block: Buffer, from: number, end: number): void {
    const continues = block === this.#block && from >= this.#from;
    const wantedBytes = Math.max(continues ? growth * (this.#end - this.#from) : leastBytes, end + 1 - from);
    const until = from + Math.min(wantedBytes, blockBytes);
    block.copy(memoryBytes, BLOCK, from, until);
    this.#block = block;
    this.#from = from;
    this.#end = until;
  }
}
