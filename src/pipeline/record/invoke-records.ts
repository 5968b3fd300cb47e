import { Cancellation } from '../../core/call/call-context.ts';
import type { Clock } from '../../core/time/time.ts';
import { RecordError } from '../../core/errors.ts';
import type { Answer } from '../../lookup/lookup.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import type { MemberScan } from '../../wire/json/member-scan.ts';
import { enriched, failed, invalid, type OnFailure, type Outcome } from './outcome.ts';
import { type Plan, RecordRun, type RunAttempt } from './record-run.ts';
import { recordOf, RecordText } from './record-text.ts';
import { argumentsOf, type Step, uncalledMiss } from './step.ts';
import { spend, stepsOfStart } from '../stream/turn-share.ts';

/** A line of the input, admitted or waiting for a slot. `seq` is its index in the input. */
export interface Entry {
  readonly seq: number;
  readonly line: string | BadLine;
  /** The bytes in which the line stands from `start` on, each byte a character, until the record is started. */
  bytes: Buffer | undefined;
  readonly start: number;
  /** Bytes of memory that the text of the line takes. */
  readonly lineBytes: number;
  /** The record of the line, or what is wrong with it, if that was needed before the record is started. */
  record: RecordText | RecordError | undefined;
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
export function entryOf(seq: number, line: string | BadLine, charBytes: 1 | 2, bytes?: Buffer, start = 0): Entry {
  const lineBytes = charBytes * (typeof line === 'string' ? line : line.input).length;
  return { seq, line, bytes, start, lineBytes, record: undefined, refusal: undefined, run: undefined };
}

/** The token of a record that is answered while it is started: nothing can be cancelled or come late. */
class ImmediateAttempt extends Cancellation implements RunAttempt {
  readonly callBegan = true;
  outcome: Outcome | undefined;

  complete(outcome: Outcome): void {
    this.outcome = outcome;
  }

  hold(): void {}
}

/** The function that the operator runs for each line, and what it does where there is no result. */
export class InvokeRecords {
  readonly #plan: Plan;
  readonly #onInvalid: OnFailure;
  readonly #clock: Clock;
  readonly #multiline: boolean;
  readonly #immediateAttempt = new ImmediateAttempt();

  constructor({ plan, onInvalid, multiline }: InvokeOptions, clock: Clock) {
    this.#plan = plan;
    this.#onInvalid = onInvalid;
    this.#multiline = multiline;
    this.#clock = clock;
  }

  /** The outcome of a line, where the plan is immediate. */
  readonly immediateOutcome = (entry: Entry): Outcome => {
    const token = this.#immediateAttempt;
    token.outcome = undefined;
    try {
      const { direct } = this.#plan;
      const outcome = direct === undefined ? undefined : this.#direct(entry, direct, token);
      if (outcome !== undefined) return outcome;
      if (token.outcome === undefined) this.#invoke(entry, token);
    } catch (error) {
      return this.onError(error, entry);
    }
    return token.outcome ?? this.onError(new Error('nothing was waited for, but there is no outcome'), entry);
  };

  readonly invoke = (entry: Entry, attempt: RunAttempt): void => {
    spend(stepsOfStart);
    this.#invoke(entry, attempt);
  };

  #invoke(entry: Entry, attempt: RunAttempt): void {
    const { line, seq } = entry;
    if (typeof line !== 'string') return attempt.complete(invalid(line.input, seq, line, this.#onInvalid));
    if (entry.refusal !== undefined) return attempt.complete(this.onError(entry.refusal, entry));
    this.#start(entry, line, this.#scanned(entry, line) ? this.#plan.scan : undefined, attempt);
  }

  /**
   * The outcome of a line to which one answer is added. Undefined where there is more to it: then the line has been
   * started, or is still to be invoked.
   */
  #direct(entry: Entry, step: Step, token: ImmediateAttempt): Outcome | undefined {
    const { line } = entry;
    if (typeof line !== 'string' || this.#multiline || !this.#scanned(entry, line)) return undefined;
    const { scan } = this.#plan;
    const firstAnswer = this.#firstAnswer(step, line, scan, token);
    if (
      !(firstAnswer instanceof RecordError) &&
      firstAnswer.json !== undefined &&
      scan.start(step.target.scanned) < 0
    ) {
      const added = step.place.add(line, firstAnswer.json);
      if (added !== undefined) return enriched(added, false);
    }
    this.#start(entry, line, scan, token, firstAnswer);
    return undefined;
  }

  #firstAnswer(step: Step, line: string, scan: MemberScan, token: ImmediateAttempt): Answer | RecordError {
    try {
      const args = argumentsOf(step, new RecordText(line), scan);
      if (args === undefined) return uncalledMiss;
      const answer = step.lookup.call(args, token);
      if (answer instanceof Promise) throw new Error(`lookup ${step.lookup.name} does not answer immediately`);
      return answer;
    } catch (error) {
      return RecordError.from(error);
    }
  }

  #start(
    entry: Entry,
    line: string,
    scan: MemberScan | undefined,
    attempt: RunAttempt,
    firstAnswer?: Answer | RecordError,
  ): void {
    const record = scan === undefined ? (entry.record ?? recordOf(line)) : new RecordText(line);
    // The record forgets its parsed value when it has started.
    entry.record = undefined;
    if (record instanceof RecordError) return attempt.complete(invalid(line, entry.seq, record, this.#onInvalid));
    const text = this.#multiline ? record.onOneLine() : record;
    entry.run = new RecordRun(this.#plan, text, entry.seq, attempt, this.#clock);
    entry.run.start(scan, firstAnswer);
  }

  /** Whether a scan of the bytes has found the line to be an object. What it does not understand is parsed. */
  #scanned(entry: Entry, line: string): boolean {
    const { bytes, start } = entry;
    entry.bytes = undefined;
    return bytes !== undefined && entry.record === undefined && this.#plan.scan.read(bytes, start, start + line.length);
  }

  readonly onTimeout = (entry: Entry, attempt: RunAttempt): void => {
    entry.run?.timeOut(attempt);
  };

  readonly onError = (error: unknown, entry: Entry): Outcome => {
    const text = typeof entry.line === 'string' ? entry.line : entry.line.input;
    return failed(text, entry.seq, RecordError.from(error).without(this.#plan.secrets), this.#plan.onError);
  };
}
