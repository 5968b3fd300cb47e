import {
  addToLines,
  blockBytes,
  LINES,
  memoryBytes,
  memoryWords,
  OUTPUT,
  outputBytes,
  RUN,
  runBytes,
  SLOTS,
  TABLE,
} from './json-memory.ts';
import { keepText } from './kept-texts.ts';
import { type MemberTable, prepare, spanAddress } from './member-table.ts';

/** What a step adds to a line. */
export interface Addition {
  /** Index of the member whose source is the key of the text. */
  readonly key: number;
  /** Index of the member that is added: a line that has it is left to the caller. */
  readonly place: number;
  /** See `kept-texts`. Read at each call. */
  readonly column: number;
  /** The text for a key, as it stands in a line. Undefined: the line is left to the caller. */
  textOf(source: string): AddedText | undefined;
}

/** A text that stands between the last member of a line and its closing brace. */
export interface AddedText {
  readonly text: string;
  readonly isMiss: boolean;
}

/** What a line gets if one of its texts is a miss: the text, nothing; or it is left to the caller. */
export type MissPolicy = 'add' | 'omit' | 'leave';

/** The result of one call. */
export interface Added {
  /** The lines with their additions, each with LF. Valid until the next call of any LineAdder. */
  readonly output: Buffer;
  /** Lines in the output, and those of them with a miss. */
  readonly lines: number;
  readonly missed: number;
  /** Texts that were not known before. */
  readonly kept: number;
  /** Bytes of the block from its start to the end of the last line that is done. */
  readonly end: number;
  /** Where the lines end that have to be read in any other way; `end` if there are none. */
  readonly leftEnd: number;
}

const policies: readonly MissPolicy[] = ['add', 'omit', 'leave'];

/** The reasons for which `addToLines` ends, and the places of its numbers: see `src/wire/assembly/line-additions.ts`. */
const textIsUnknown = 2;
const word = Int32Array.BYTES_PER_ELEMENT;
const run = memoryWords.subarray(RUN / word);
const at = 4;
const output = 6;
const lines = 8;
const missed = 9;
const unusualEnd = 10;
const unknownStep = 11;
const fullAt = 12;
const firstStep = 16;
const stepWords = 8;
const keySpan = 1;
const placeSpan = 2;
const misses = 3;
const LF = 0x0a;

/**
 * As many bytes are written together. With its last line the output is still less than 64 KiB, one segment for a reader on
 * the same host; each segment wakes that reader.
 */
const fullBytes = 60 * 1024;

/** The block whose bytes, from this index on, stand in the memory. */
let loaded: Buffer | undefined;
let loadedFrom = 0;

/**
 * Adds texts to the lines of blocks, all in WebAssembly: bytes in, bytes out.
 *
 *     block ─▶ copied ─▶ addToLines ─▶ output
 *                          ▲  │ a key without a text
 *                          │  ▼
 *                 kept-texts ◀── Addition.textOf
 *
 * The lines that it leaves are blank, no object, have no key or the member that would be added, a name with an escape,
 * white space at their end, are too long, or their texts replace each other.
 */
export class LineAdder {
  readonly #table: MemberTable;
  readonly #additions: readonly Addition[];

  /** Undefined if there are too many names or additions. */
  static of(table: MemberTable, additions: readonly Addition[]): LineAdder | undefined {
    const bytes = word * (firstStep + stepWords * additions.length);
    return bytes <= runBytes && prepare(table) ? new LineAdder(table, additions) : undefined;
  }

  private constructor(table: MemberTable, additions: readonly Addition[]) {
    this.#table = table;
    this.#additions = additions;
  }

  /**
   * Reads lines from `from` on, until some 60 KiB of output are made, or until a line is left. `block` is UTF-8, at most
   * 64 KiB, ends with LF, and must not change while its lines are read. `before` is text that the output begins with.
   */
  add(block: Buffer, from: number, policy: MissPolicy, before: string): Added {
    prepare(this.#table);
    const offset = LINES - load(block, from);
    this.#prepareRun(policy);
    run[at] = from + offset;
    run[at + 1] = block.length + offset;
    run[output] = OUTPUT + memoryBytes.write(before, OUTPUT);
    run[output + 1] = OUTPUT + outputBytes;
    run[fullAt] = OUTPUT + fullBytes;
    let reason = addToLines(RUN);
    let kept = 0;
    let keptOfLine = 0;
    // The texts of one line may replace each other for ever: then it is left.
    while (reason === textIsUnknown && keptOfLine < this.#additions.length && this.#keepText()) {
      const line = wordAt(at);
      kept += 1;
      reason = addToLines(RUN);
      keptOfLine = wordAt(at) === line ? keptOfLine + 1 : 0;
    }
    const end = wordAt(at) - offset;
    let leftEnd = wordAt(unusualEnd) - offset;
    // Neither a text that cannot be kept nor a line for which even an empty output has no room is tried again.
    if (reason === textIsUnknown || (wordAt(lines) === 0 && leftEnd === end)) leftEnd = block.indexOf(LF, end) + 1;
    return {
      output: memoryBytes.subarray(OUTPUT, wordAt(output)),
      lines: wordAt(lines),
      missed: wordAt(missed),
      kept,
      end,
      leftEnd,
    };
  }

  /** Lines of the last call that had a miss in this addition. */
  misses(addition: number): number {
    return wordAt(firstStep + stepWords * addition + misses);
  }

  #prepareRun(policy: MissPolicy): void {
    const additions = this.#additions;
    run[0] = TABLE;
    run[1] = SLOTS;
    run[2] = additions.length;
    run[3] = policies.indexOf(policy);
    run[lines] = 0;
    run[missed] = 0;
    for (const [index, { key, place, column }] of additions.entries()) {
      const step = firstStep + stepWords * index;
      run[step] = column;
      run[step + keySpan] = spanAddress(key);
      run[step + placeSpan] = spanAddress(place);
      run[step + misses] = 0;
    }
  }

  /** Keeps the text that was not known. The scan of its line is still in the memory. */
  #keepText(): boolean {
    const addition = this.#additions[wordAt(unknownStep)] as Addition;
    const span = spanAddress(addition.key) / word;
    const start = wordAt(at) + (memoryWords[span] as number);
    const end = wordAt(at) + (memoryWords[span + 1] as number);
    const added = addition.textOf(memoryBytes.toString('utf8', start, end));
    return added !== undefined && keepText(addition.column, start, end - start, added.text, added.isMiss);
  }
}

/** Index of the byte of the block that stands at LINES. */
function load(block: Buffer, from: number): number {
  if (block !== loaded || from < loadedFrom) {
    if (block.length - from > blockBytes) throw new Error(`a block of ${block.length - from} bytes is too long`);
    block.copy(memoryBytes, LINES, from);
    loaded = block;
    loadedFrom = from;
  }
  return loadedFrom;
}

function wordAt(index: number): number {
  return run[index] as number;
}
