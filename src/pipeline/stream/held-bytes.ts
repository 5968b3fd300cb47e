import type { MemoryShare } from '../../core/memory-budget.ts';
import type { SlotBytes } from '../../operator/async-wait-options.ts';
import type { Watermark } from '../../operator/watermark.ts';
import { SplicedLine } from '../../wire/spliced-line.ts';
import { BarrierLine } from '../control/barrier-line.ts';
import { ExplodedLines } from '../record/exploded-lines.ts';
import type { Entry } from '../record/entry.ts';
import type { Outcome } from '../record/outcome.ts';

/** Bytes of a record besides its text: slot, attempt, run, and its call with path and headers. Measured: see docs/tuning.md. */
const RECORD_BYTES = 2048;

/** A parsed record takes some ten times its text; only a record that waits for its key keeps the parsed value. */
const PARSED_FACTOR = 10;

/** A character of an answer takes one byte or two; two are counted. */
const ANSWER_CHAR_BYTES = 2;

/**
 * Bytes that the answers of a record are expected to take, for all streams of a pipeline: the largest of the recent ones.
 * Before the first answer, it is the most that the lookups allow; each smaller answer takes away an eighth of the
 * difference.
 */
export class AnswerForecast {
  expectedBytes: number;

  constructor(worstBytes: number) {
    this.expectedBytes = worstBytes;
  }

  observe(bytes: number): void {
    const expected = this.expectedBytes;
    this.expectedBytes = bytes >= expected ? bytes : expected - Math.ceil((expected - bytes) / 8);
  }
}

/** Counts the bytes that the records of a stream hold between admission and emission. */
export class RecordBytes implements SlotBytes<Entry, Outcome> {
  readonly share: MemoryShare;
  readonly #forecast: AnswerForecast;

  constructor(share: MemoryShare, forecast: AnswerForecast) {
    this.share = share;
    this.#forecast = forecast;
  }

  admitted(entry: Entry): number {
    return entryBytes(entry) + this.#forecast.expectedBytes;
  }

  completed(entry: Entry, outcome: Outcome): number {
    const answers = answerBytes(entry, outcome);
    if (outcome.failure === undefined) this.#forecast.observe(answers);
    return RECORD_BYTES + entry.lineBytes + answers;
  }

  barrier({ value }: Watermark): number {
    return typeof value === 'string' ? value.length : 0;
  }
}

function entryBytes({ lineBytes, record }: Entry): number {
  return RECORD_BYTES + (record === undefined ? lineBytes : PARSED_FACTOR * lineBytes);
}

/** The outcome holds the text of the line; the additional characters are answers. */
function answerBytes({ line }: Entry, { lines }: Outcome): number {
  const answerChars = charsOf(lines) - (typeof line === 'string' ? line : line.input).length;
  return answerChars > 0 ? ANSWER_CHAR_BYTES * answerChars : 0;
}

function charsOf(lines: Outcome['lines']): number {
  if (typeof lines === 'string') return lines.length;
  if (lines instanceof SplicedLine) return lines.length;
  return lines instanceof ExplodedLines ? lines.heldChars : 0;
}

/** Bytes that an exploded record holds until its last line is written. */
export function explodedBytes(lines: ExplodedLines): number {
  return ANSWER_CHAR_BYTES * lines.heldChars;
}

/** Bytes of a line that waits to be admitted, if one does. */
export function pendingBytes(line: Entry | BarrierLine | undefined): number {
  if (line === undefined) return 0;
  return line instanceof BarrierLine ? line.value.length : entryBytes(line);
}
