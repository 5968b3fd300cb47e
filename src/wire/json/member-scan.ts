import { BlockWindow } from './block-window.ts';
import { memoryWords, scan, TABLE } from './json-memory.ts';
import { type MemberTable, prepare, ROW } from './member-table.ts';

/** Numbers in a row, of which a span has three: start, end, is plain. */
const SPAN = ROW / Int32Array.BYTES_PER_ELEMENT;
/** Where the scan writes the spans of the members. */
const written = memoryWords.subarray((TABLE + ROW) / Int32Array.BYTES_PER_ELEMENT);

const window = new BlockWindow();

/**
 * Where the members of an object stand, by their index in the table; relative to the first byte of the object's line.
 *
 *   names    k              x                   spans   [ start, end, is plain | -1, -1, -1 ]
 *   bytes    {"k": 7, "origin": "SAT"}
 *                  ^^
 */
export class MemberSpans {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Where the value of the member begins; -1 if the object does not have the member. Of several, the last counts. */
  start(index: number): number {
    return this.#words[SPAN * index] ?? -1;
  }

  end(index: number): number {
    return this.#words[SPAN * index + 1] ?? -1;
  }

  /** Whether the value is a string without escapes. */
  isPlainString(index: number): boolean {
    return this.#words[SPAN * index + 2] === 1;
  }
}

/**
 * Checks that bytes are a JSON object, and finds some of its members, in one pass and without making a value. A stream
 * has a scan of its own, because the spans are one object that every `read` fills again.
 */
export class MemberScan {
  readonly #table: MemberTable;
  readonly #words: Int32Array;
  readonly #spans: MemberSpans;

  constructor(table: MemberTable) {
    this.#table = table;
    this.#words = new Int32Array(SPAN * table.size);
    this.#spans = new MemberSpans(this.#words);
  }

  /**
   * The spans of the members, valid until the next `read` of this scan, if the ASCII `bytes` from `from` up to `end` are
   * an object, with white space around it at the most. Undefined if they are not, or if only a parser can decide: a name
   * with an escape, nesting that is very deep, a line longer than 64 KiB, more names than there is memory for. The bytes
   * must be unchanged since an earlier line of them was read.
   */
  read(bytes: Buffer, from: number, end: number): MemberSpans | undefined {
    if (!prepare(this.#table)) return undefined;
    const address = window.addressOf(bytes, from, end);
    if (address < 0 || scan(address, address + end - from, TABLE) !== 1) return undefined;
    const words = this.#words;
    const { length } = words;
    for (let at = 0; at < length; at += SPAN) {
      words[at] = written[at] as number;
      words[at + 1] = written[at + 1] as number;
      words[at + 2] = written[at + 2] as number;
    }
    return this.#spans;
  }
}
