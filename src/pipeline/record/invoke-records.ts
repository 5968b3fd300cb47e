import { Cancellation } from '../../core/call/cancellation.ts';
import type { Clock } from '../../core/time/time.ts';
import { RecordError } from '../../core/errors.ts';
import type { MemberSpans } from '../../wire/json/member-scan.ts';
import { isMultiline } from '../stream-settings.ts';
import type { Entry } from './entry.ts';
import { failed, invalid, type Outcome } from './outcome.ts';
import type { Plan } from '../steps/plan.ts';
import { RecordRun, type RunAttempt } from './record-run.ts';
import { recordOf, RecordText } from './record-text.ts';
import { countCost, costOfStart } from '../stream/turn-gate.ts';

/** The context of the calls of an immediate plan: they are over when they return, so that nothing cancels them. */
class ImmediateAttempt extends Cancellation implements RunAttempt {
  readonly callsBegun = 0;

  complete(): void {
    throw new Error('an outcome came later, though the plan is immediate');
  }

  addBytes(): void {}
}

/** The functions that the operator calls for each line. */
export class InvokeRecords {
  readonly #plan: Plan;
  readonly #clock: Clock;
  readonly #multiline: boolean;
  /** Runs the records of an immediate plan, one after the other. */
  readonly #immediateRun: RecordRun;

  constructor(plan: Plan, clock: Clock) {
    this.#plan = plan;
    this.#multiline = isMultiline(plan.settings);
    this.#clock = clock;
    this.#immediateRun = new RecordRun(plan, new ImmediateAttempt(), clock);
  }

  /** The outcome of a line, if the plan is immediate. */
  readonly immediateOutcome = (entry: Entry): Outcome => {
    try {
      const spans = this.#scan(entry);
      const record = this.#read(entry, spans);
      if (!(record instanceof RecordText)) return record;
      const outcome = this.#immediateRun.run(record, entry.seq, spans);
      return outcome ?? this.onError(new Error('the plan is immediate, but there is no outcome'), entry);
    } catch (error) {
      return this.onError(error, entry);
    }
  };

  readonly invoke = (entry: Entry, attempt: RunAttempt): void => {
    countCost(costOfStart);
    const spans = this.#scan(entry);
    const record = this.#read(entry, spans);
    if (!(record instanceof RecordText)) return attempt.complete(record);
    entry.run = new RecordRun(this.#plan, attempt, this.#clock);
    entry.run.start(record, entry.seq, spans);
  };

  /** The record of a line, or the outcome of a line without one. */
  #read(entry: Entry, spans: MemberSpans | undefined): RecordText | Outcome {
    const { line, seq } = entry;
    if (typeof line !== 'string') return invalid(line.input, seq, line, this.#plan.settings.onInvalid);
    if (entry.refusal !== undefined) return this.onError(entry.refusal, entry);
    const record = spans === undefined ? (entry.record ?? recordOf(line)) : new RecordText(line);
    // A record drops its parsed value when it has started.
    entry.record = undefined;
    if (record instanceof RecordError) return invalid(line, seq, record, this.#plan.settings.onInvalid);
    return this.#multiline ? record.onOneLine() : record;
  }

  /** The spans of a line that the scan understands; every other line is parsed. */
  #scan(entry: Entry): MemberSpans | undefined {
    const { bytes, line, start } = entry;
    if (bytes === undefined) return undefined;
    entry.bytes = undefined;
    if (typeof line !== 'string' || entry.record !== undefined) return undefined;
    return this.#plan.scan.read(bytes, start, start + line.length);
  }

  readonly onTimeout = (entry: Entry, attempt: RunAttempt): void => {
    entry.run?.timeOut(attempt);
  };

  readonly onError = (error: unknown, entry: Entry): Outcome => {
    const text = typeof entry.line === 'string' ? entry.line : entry.line.input;
    return failed(text, entry.seq, RecordError.from(error).without(this.#plan.secrets), this.#plan.onFailure);
  };
}
