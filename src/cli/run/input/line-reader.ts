import type { Lines } from '../lines/block.ts';

const LF = 0x0a;
const lineFeed: Buffer = Buffer.from('\n');
const byteOrderMark: Buffer = Buffer.from([0xef, 0xbb, 0xbf]);

export interface LineReaderOptions {
  /** Bytes of a line that are kept, its LF not counted. */
  readonly longestLine: number;
  /**
   * Whether a longer line is an error. If not, the bytes after the kept ones are left out: then `longestLine` is more than
   * `limits.lineBytes`, and the record fails with the same error as the whole line.
   */
  readonly refuse: boolean;
}

/**
 * Divides the bytes of one input into blocks of whole lines. A missing last LF is added, and a byte-order mark at the start
 * is left out.
 */
export class LineReader {
  readonly #input: number;
  readonly #options: LineReaderOptions;
  /** Offset in the input of the line that has begun. */
  #offset: number;
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** Bytes of the line that has begun that are left out. */
  #leftOut = 0;
  /** Whether the input may begin with a byte-order mark. */
  #atStart: boolean;

  /** The first byte is the one at `offset` of the input. */
  constructor(input: number, offset: number, options: LineReaderOptions) {
    this.#input = input;
    this.#offset = offset;
    this.#options = options;
    this.#atStart = offset === 0;
  }

  /** Bytes of the input that were read. */
  get end(): number {
    return this.#offset + this.#begunBytes + this.#leftOut;
  }

  /** Throws Error for a line that is too long. */
  *push(chunk: Buffer): Generator<Lines> {
    let bytes = this.#atStart ? this.#withoutMark(chunk) : chunk;
    if (this.#leftOut > 0) {
      const end = bytes.indexOf(LF) + 1;
      if (end === 0) return this.#keep(bytes);
      this.#leftOut += end - 1;
      yield this.#line(lineFeed, 1);
      bytes = bytes.subarray(end);
    }
    const end = bytes.lastIndexOf(LF) + 1;
    if (end > 0) {
      const first = bytes.indexOf(LF);
      if (this.#begunBytes + first > this.#options.longestLine) {
        this.#keep(bytes.subarray(0, first));
        yield this.#line(lineFeed, 1);
        yield* this.push(bytes.subarray(first + 1));
        return undefined;
      }
      yield this.#line(bytes.subarray(0, end), end);
    }
    if (end < bytes.length) this.#keep(bytes.subarray(end));
    return undefined;
  }

  /** The last line, if the input does not end with LF. */
  finish(): Lines | undefined {
    return this.#begunBytes > 0 ? this.#line(lineFeed, 0) : undefined;
  }

  #line(rest: Buffer, restBytes: number): Lines {
    const bytes = this.#begunBytes === 0 ? rest : Buffer.concat([...this.#begun, rest]);
    const offset = this.#offset;
    this.#offset = this.end + restBytes;
    this.#begun = [];
    this.#begunBytes = 0;
    this.#leftOut = 0;
    return { bytes, input: this.#input, offset, end: this.#offset };
  }

  /** Takes a part of a line. */
  #keep(part: Buffer): undefined {
    const { longestLine, refuse } = this.#options;
    const kept = part.subarray(0, longestLine - this.#begunBytes);
    if (kept.length > 0) this.#begun.push(kept);
    this.#begunBytes += kept.length;
    this.#leftOut += part.length - kept.length;
    if (this.#leftOut > 0 && refuse) {
      throw new Error(`the line that begins at byte ${this.#offset} is longer than ${longestLine / 1024 ** 2} MiB`);
    }
    return undefined;
  }

  /** The bytes so far without the mark; none while they may be the start of a mark. */
  #withoutMark(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([...this.#begun, chunk]);
    const known = bytes.length >= byteOrderMark.length || byteOrderMark.indexOf(bytes) !== 0;
    this.#begun = known ? [] : [bytes];
    this.#begunBytes = known ? 0 : bytes.length;
    if (!known) return bytes.subarray(bytes.length);
    this.#atStart = false;
    if (bytes.indexOf(byteOrderMark) !== 0) return bytes;
    this.#offset = byteOrderMark.length;
    return bytes.subarray(byteOrderMark.length);
  }
}
