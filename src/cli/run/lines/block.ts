/** What the stream receives of a line. */
export const lineKinds = {
  /** An empty line: the line was not chosen. Empty lines keep the numbers of the lines behind them. */
  blank: 0,
  /** The line, which is a record. */
  record: 1,
  /** The line, which is no record: it is blank, or a control line. */
  other: 2,
} as const;

/** A byte of a decoded input. */
export interface Place {
  /** Index of the input. */
  readonly input: number;
  readonly offset: number;
}

/** Whole lines of one input, each with its LF. */
export interface Lines extends Place {
  readonly bytes: Buffer;
  /** The offset of the byte after the last line. A line that is much too long is here in part. */
  readonly end: number;
}

/**
 * Whole lines with their numbers in all inputs together, counted from 0.
 *
 *     bytes    {"id":1}⏎ ⏎ {"id":2}⏎          starts 0 9 11      kinds record other record
 *     seq       17       18 19                 firstSeq 17
 */
export interface Block extends Lines {
  readonly firstSeq: number;
  /** Index in `bytes` of the first byte of each line. */
  readonly starts: readonly number[];
  /** One of `lineKinds` for each line. */
  readonly kinds: Uint8Array;
  /** Records in all lines before this block. */
  readonly recordsBefore: number;
  readonly records: number;
}

const LF = 0x0a;

/** Index of the first byte of each line. */
export function lineStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    starts.push(at);
    const end = bytes.indexOf(LF, at);
    at = end === -1 ? bytes.length : end + 1;
  }
  return starts;
}

/** Index of the byte after line `index`. */
export function lineEnd({ bytes, starts }: Pick<Block, 'bytes' | 'starts'>, index: number): number {
  return starts[index + 1] ?? bytes.length;
}

/** Records in the first `lines` lines of a block. */
export function recordsIn({ kinds }: Block, lines: number): number {
  let records = 0;
  for (let index = 0; index < lines; index += 1) if (kinds[index] === lineKinds.record) records += 1;
  return records;
}
