import type { Clock } from '../core/time.ts';
import { RecordError } from '../core/errors.ts';
import type { Attempt } from '../operator/attempt.ts';
import { parseLine } from '../wire/codec.ts';
import { compact } from '../wire/json-text.ts';
import type { BadLine } from '../wire/bad-line.ts';
import type { JsonObject } from '../core/json.ts';
import { failed, invalid, type OnFailure, type Outcome } from './outcome.ts';
import { type Plan, RecordRun } from './record-run.ts';
import { RecordText } from './record-text.ts';

/** A line of the input, admitted or waiting for a slot. `seq` is its index in the input. */
export interface Entry {
  readonly seq: number;
  readonly line: string | BadLine;
  /** The bytes in which the line stands from `start` on, each byte a character, until the record is started. */
  bytes: Buffer | undefined;
  readonly start: number;
  /** The parse of the line, where something had to look at it before it was started. */
  record: JsonObject | RecordError | undefined;
  /** Why the record is not looked up at all. */
  refusal: RecordError | undefined;
  run: RecordRun | undefined;
}

export interface InvokeOptions {
  readonly plan: Plan;
  readonly onInvalid: OnFailure;
  /** A record may hold line breaks between its tokens: they are taken out, so that it stays on one line. */
  readonly multiline: boolean;
}

/** A line as it comes in; `seq` is its index in the input. */
export function entryOf(seq: number, line: string | BadLine, bytes?: Buffer, start = 0): Entry {
  return { seq, line, bytes, start, record: undefined, refusal: undefined, run: undefined };
}

/** The function that the operator runs for each line, and what it does where there is no result. */
export class InvokeRecords {
  readonly #plan: Plan;
  readonly #onInvalid: OnFailure;
  readonly #clock: Clock;

  readonly #multiline: boolean;

  constructor({ plan, onInvalid, multiline }: InvokeOptions, clock: Clock) {
    this.#plan = plan;
    this.#onInvalid = onInvalid;
    this.#multiline = multiline;
    this.#clock = clock;
  }

  readonly invoke = (entry: Entry, attempt: Attempt<Entry, Outcome>): void => {
    const { line, seq } = entry;
    if (typeof line !== 'string') return attempt.complete(invalid(line.input, seq, line, this.#onInvalid));
    if (entry.refusal !== undefined) return attempt.fail(entry.refusal);
    const scan = this.#scanned(entry, line) ? this.#plan.scan : undefined;
    const value = scan === undefined ? (entry.record ?? parseLine(line)) : undefined;
    if (value instanceof RecordError) return attempt.complete(invalid(line, seq, value, this.#onInvalid));
    const record = new RecordText(this.#multiline ? compact(line) : line, value);
    entry.run = new RecordRun(this.#plan, record, seq, attempt, this.#clock);
    entry.run.start(scan);
  };

  /** Whether a scan of the bytes has found the line to be an object. What it does not understand is parsed. */
  #scanned(entry: Entry, line: string): boolean {
    const { bytes, start } = entry;
    entry.bytes = undefined;
    return bytes !== undefined && entry.record === undefined && this.#plan.scan.read(bytes, start, start + line.length);
  }

  readonly onTimeout = (entry: Entry, attempt: Attempt<Entry, Outcome>): void => {
    entry.run?.timeOut(attempt);
  };

  readonly onError = (error: unknown, entry: Entry): Outcome => {
    const text = typeof entry.line === 'string' ? entry.line : entry.line.input;
    return failed(text, entry.seq, RecordError.from(error), this.#plan.onError);
  };
}
