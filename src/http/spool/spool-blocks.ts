/** More than most writes have; a longer one gets a block of its own. */
const BLOCK_BYTES = 256 * 1024;
/** Blocks that wait to be used again, at the most: 4 MiB for all streams. */
const MOST_FREE = 16;

/** Memory with output in it: `[ taken | waits | free ]`. */
interface Block {
  readonly memory: Buffer;
  start: number;
  end: number;
}

/**
 * Memory for the output of all streams that spool, used again and again. New buffers for each write and read would leave up
 * to 60 MB outside of the heap until the next garbage collection.
 */
export class SpoolBlocks {
  readonly #free: Buffer[] = [];

  /** Memory for at least so many bytes, which may have any content. */
  take(bytes: number): Buffer {
    if (bytes > BLOCK_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Takes memory back that is neither read nor written any more. */
  give(memory: Buffer): void {
    if (memory.byteLength === BLOCK_BYTES && this.#free.length < MOST_FREE) this.#free.push(memory);
  }
}

/** Output in memory, in order. */
export class SpoolTail {
  readonly #blocks: SpoolBlocks;
  #waiting: Block[] = [];
  #bytes = 0;

  constructor(blocks: SpoolBlocks) {
    this.#blocks = blocks;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies output: text as UTF-8, bytes as they are. Returns its length in bytes. */
  push(output: string | Uint8Array): number {
    const length = Buffer.byteLength(output);
    let block = this.#waiting.at(-1);
    if (block === undefined || block.memory.byteLength - block.end < length) {
      block = { memory: this.#blocks.take(length), start: 0, end: 0 };
      this.#waiting.push(block);
    }
    if (typeof output === 'string') block.memory.write(output, block.end);
    else block.memory.set(output, block.end);
    block.end += length;
    this.#bytes += length;
    return length;
  }

  /** The next bytes, `mostBytes` at the most, which are valid until the next call; undefined if there are none. */
  shift(mostBytes: number): Buffer | undefined {
    const block = this.#waiting[0];
    if (block === undefined) return undefined;
    const bytes = bytesOf(block).subarray(0, mostBytes);
    block.start += bytes.byteLength;
    this.#bytes -= bytes.byteLength;
    if (block.start === block.end) {
      this.#waiting.shift();
      this.#blocks.give(block.memory);
    }
    return bytes;
  }

  /** All that waits. It is one or the other: given back, or put back. */
  takeAll(): TakenBlocks {
    const taken = this.#waiting;
    const bytes = this.#bytes;
    this.#waiting = [];
    this.#bytes = 0;
    return {
      bytes,
      chunks: taken.map((block) => bytesOf(block)),
      giveBack: () => {
        for (const { memory } of taken) this.#blocks.give(memory);
      },
      putBack: () => {
        this.#waiting = [...taken, ...this.#waiting];
        this.#bytes += bytes;
      },
    };
  }
}

export interface TakenBlocks {
  readonly bytes: number;
  readonly chunks: readonly Buffer[];
  /** The chunks are not read any more. */
  giveBack(): void;
  /** They wait again, before all that was pushed since. */
  putBack(): void;
}

const bytesOf = ({ memory, start, end }: Block): Buffer => memory.subarray(start, end);
