import { BlockWindow } from './block-window.ts';
import { memoryBytes, memoryWords, scan, TABLE, tableBytes } from './json-memory.ts';

const ROW = 16;
/** Numbers in a row, of which a span has three: start, end, is plain. */
const SPAN = 4;
const spans = memoryWords.subarray((TABLE + ROW) / Int32Array.BYTES_PER_ELEMENT);

const window = new BlockWindow();
/** The table that stands in the memory. */
let prepared: Buffer | undefined;

/**
 * Checks that bytes are a JSON object, and finds some of its members, in one pass and without a value made.
 *
 *   names    k              x                   spans   [ start, end, is plain | -1, -1, -1 ]   relative to `from`
 *   bytes    {"k": 7, "origin": "SAT"}
 *                  ^^
 */
export class MemberScan {
  readonly #table: Buffer;

  /** Names of top-level members. */
  constructor(names: readonly string[]) {
    this.#table = tableOf(names);
  }

  /**
   * Whether the ASCII `bytes` from `from` up to `end` are an object, with white space around it at the most. False also
   * where that is not clear without a parser: a name with an escape, nesting that is very deep, a line longer than
   * 64 KiB. The bytes must be what they were when a line of them was read before. The spans hold until the next call,
   * of any scan.
   */
  read(bytes: Buffer, from: number, end: number): boolean {
    if (prepared !== this.#table && !this.#prepare()) return false;
    const place = window.place(bytes, from, end);
    return place >= 0 && scan(place, place + end - from, TABLE) === 1;
  }

  /** Where the value of the name at `index` begins; -1 where there is no such member. Of several, the last counts. */
  start(index: number): number {
    return spans[SPAN * index] ?? -1;
  }

  end(index: number): number {
    return spans[SPAN * index + 1] ?? -1;
  }

  /** Whether the value is a string without escapes. */
  isPlainString(index: number): boolean {
    return spans[SPAN * index + 2] === 1;
  }

  /** False where the names are too many. */
  #prepare(): boolean {
    if (this.#table.length > tableBytes) return false;
    this.#table.copy(memoryBytes, TABLE);
    prepared = this.#table;
    return true;
  }
}

/** The table as the scan wants it: see there. */
function tableOf(names: readonly string[]): Buffer {
  const head = row(names.length);
  const rows = [head, ...names.map(() => row())];
  let lengths = 0n;
  for (const [index, name] of names.entries()) {
    const bytes = Buffer.from(name);
    lengths |= 1n << BigInt(bytes.length % 64);
    const padded = Buffer.alloc(Math.ceil(bytes.length / ROW) * ROW);
    bytes.copy(padded);
    rows.push(row(bytes.length, TABLE + ROW + ROW * index), padded);
  }
  head.writeBigUInt64LE(lengths, 8);
  return Buffer.concat([...rows, row(-1)]);
}

function row(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(ROW);
  for (const [index, word] of words.entries()) bytes.writeInt32LE(word, index * Int32Array.BYTES_PER_ELEMENT);
  return bytes;
}
