import type { CallContext } from '../../core/call/call-context.ts';
import type { Cancellation } from '../../core/call/cancellation.ts';
import { RecordError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { Answer } from '../../lookup/lookup.ts';
import type { MemberSpans } from '../../wire/json/member-scan.ts';
import { dropped, enriched, failed, type Outcome, untouched } from './outcome.ts';
import { spliceMeta } from './meta.ts';
import type { Plan } from '../steps/plan.ts';
import { MASK_BITS, RecordAnswers } from './record-answers.ts';
import { RecordText } from './record-text.ts';
import { repeatLookup } from '../steps/repeat.ts';
import { argumentsOf, type Step, uncalledMiss } from '../steps/step.ts';
import { StepCall, withAttempts } from '../steps/step-call.ts';

/** The slot's token: the context of the calls, and the receiver of the outcome. */
export type RunAttempt = Cancellation & {
  /** Calls of the record that have begun; before the first one it waits at a limit. */
  readonly callsBegun: number;
  complete(outcome: Outcome): void;
  /** Counts more bytes that the record holds until it is complete. */
  addBytes(bytes: number): void;
};

const noRecord = new RecordText('{}');

/**
 * The run of one record: its steps run at the same time, but a step that reads the answer of another waits for it.
 *
 *   line ─┬─ step 0 ──── answer ─┐
 *         ├─ step 1 ──── answer ─┼─ all settled: answers spliced into the line, in the order of the steps
 *         └─ (0) step 2 ─ answer ┘
 *
 * With an immediate plan the run is over when `start` returns; then the same object may run the next record.
 */
export class RecordRun extends RecordAnswers {
  readonly #clock: Clock;
  #seq = 0;
  #record = noRecord;
  #attempt: RunAttempt;
  /** By step, if there are several. */
  #stepCalls: (StepCall | undefined)[] | undefined = undefined;
  #startedAt = 0;
  #unsettled = 0;
  #ended = false;
  /** The last failure that a fallback replaces. */
  #replacedFailure: RecordError | undefined;

  constructor(plan: Plan, attempt: RunAttempt, clock: Clock) {
    super(plan);
    this.#attempt = attempt;
    this.#clock = clock;
  }

  /** Runs one record: the outcome goes to the attempt, immediately or later. `spans` are those of `run`. */
  start(record: RecordText, seq: number, spans: MemberSpans | undefined): void {
    this.#deliver(this.run(record, seq, spans));
  }

  /**
   * Runs one record, and returns its outcome if every answer that it needs is immediate; if not, the outcome goes to the
   * attempt later. `spans` are those of the record's line; they are not used after this returns.
   */
  run(record: RecordText, seq: number, spans: MemberSpans | undefined): Outcome | undefined {
    const { onlyStep, steps } = this.plan;
    let outcome: Outcome | undefined;
    if (onlyStep !== undefined) outcome = this.#runOnly(onlyStep, record, seq, spans);
    else {
      this.#begin(record, seq, spans);
      for (const step of steps) {
        if (step.waitsFor.length === 0) outcome = this.#callStep(step, spans);
        if (this.#ended) break;
      }
    }
    record.dropValue();
    return outcome;
  }

  /**
   * The same with one step: if its answer is simply added to the line, the run needs no state, which makes a record of a
   * table 8 % cheaper.
   */
  #runOnly(step: Step, record: RecordText, seq: number, spans: MemberSpans | undefined): Outcome | undefined {
    let result: Answer | null | Promise<Answer>;
    try {
      result = this.#call(step, record, spans);
    } catch (error) {
      this.#begin(record, seq, spans);
      return this.#stepFailed(step, withAttempts(RecordError.from(error)));
    }
    if (result instanceof Answer && result.json !== undefined && !record.has(step.target, spans)) {
      const added = step.place.add(record.line, result.json);
      if (added !== undefined) return enriched(added, false);
    }
    this.#begin(record, seq, spans);
    return this.#stepAnswered(step, result);
  }

  /** Sets up the state of a run. An immediate plan runs one record after the other with the same object. */
  #begin(record: RecordText, seq: number, spans: MemberSpans | undefined): void {
    const { steps, settings } = this.plan;
    this.#record = record;
    this.#seq = seq;
    this.#startedAt = settings.meta.length > 0 ? this.#clock.now() : 0;
    this.#unsettled = steps.length;
    this.#ended = false;
    this.#replacedFailure = undefined;
    this.absent = 0;
    for (const { index, writesFirst, target } of steps) {
      this.answers[index] = undefined;
      if (index < MASK_BITS && writesFirst && !record.has(target, spans)) this.absent |= 1 << index;
    }
  }

  /** The record's time ran out (semantics T2): every step without an answer fails with `timeout`. */
  timeOut(attempt: RunAttempt): void {
    const late = this.plan.steps.filter((step) => this.answers[step.index] === undefined);
    const calls = late.map((step) => this.#callsOf(step));
    this.#attempt = attempt;
    const named = Math.max(
      0,
      calls.findIndex((begun) => begun > 0),
    );
    const lookup = late[named]?.lookup;
    const attempts = calls[named] ?? 0;
    const { timeoutMs } = this.plan.settings;
    const message = `the time of the record (${timeoutMs} ms) ran out${attempts > 0 ? '' : ' before its call began'}`;
    const error = new RecordError('timeout', message, {
      ...(lookup !== undefined && { lookup: lookup.name }),
      attempts,
      ...(attempts === 0 && { retryAfterMs: lookup?.waitMs() ?? 0 }),
    });
    if (this.plan.fallback === undefined) return this.#deliver(this.#fail(error));
    this.#replacedFailure = error;
    for (const [index, step] of late.entries())
      this.answers[step.index] = new Answer(this.plan.fallback, calls[index] ?? 0);
    this.#deliver(this.#finish());
  }

  /** Calls of a step that have begun. */
  #callsOf({ index }: Step): number {
    return this.plan.steps.length > 1 ? (this.#stepCalls?.[index]?.begun ?? 0) : this.#attempt.callsBegun;
  }

  #contextOf({ index, lookup, repeat }: Step): CallContext {
    if (this.plan.steps.length === 1 || (lookup.immediate && repeat === undefined)) return this.#attempt;
    const call = new StepCall(this.#attempt);
    (this.#stepCalls ??= [])[index] = call;
    return call;
  }

  #deliver(outcome: Outcome | undefined): void {
    if (outcome === undefined) return;
    this.#attempt.complete(outcome);
    // Calls of other steps still run: the record does not need their answers.
    if (this.#unsettled > 1) this.#attempt.cancel(outcome.failure);
  }

  /** Here and below, the result is the outcome of the record if this step was the last one that it needed. */
  #callStep(step: Step, spans?: MemberSpans): Outcome | undefined {
    let result: Answer | null | Promise<Answer>;
    try {
      result = this.#call(step, this.#record, spans);
    } catch (error) {
      return this.#stepFailed(step, withAttempts(RecordError.from(error)));
    }
    return this.#stepAnswered(step, result);
  }

  #stepAnswered(step: Step, result: Answer | null | Promise<Answer>): Outcome | undefined {
    if (!(result instanceof Promise)) return this.#settle(step, result);
    // This object may run another record when the promise resolves.
    if (this.plan.immediate) throw new Error(`lookup ${step.lookup.name} does not answer immediately`);
    result.then(
      (answer) => this.#stepAnsweredLater(step, answer),
      (error: unknown) => this.#stepFailedLater(step, error),
    );
    return undefined;
  }

  #stepAnsweredLater(step: Step, answer: Answer): void {
    if (this.#ended) return;
    try {
      this.#deliver(this.#settle(step, answer));
    } catch (error) {
      this.plan.onDefect(error);
    }
  }

  #stepFailedLater(step: Step, reason: unknown): void {
    if (this.#ended) return;
    try {
      this.#deliver(this.#stepFailed(step, withAttempts(RecordError.from(reason))));
    } catch (error) {
      this.plan.onDefect(error);
    }
  }

  /** The answer of a step; null if its `when` is false. Throws the failure of the step. */
  #call(step: Step, own: RecordText, spans: MemberSpans | undefined): Answer | null | Promise<Answer> {
    let record = own;
    if (step.waitsFor.length > 0) {
      // A value below an unknown answer is unknown as well. An expression may test whether it exists.
      if (step.needs.some((other) => this.answers[other]?.json === undefined && this.answers[other] !== null)) {
        return uncalledMiss;
      }
      record = new RecordText(this.lineWith(own.line, step.waitsFor));
    }
    if (step.when !== undefined && !step.when(record.value)) return null;
    if (step.repeat !== undefined) return repeatLookup(step, step.repeat, record, this.#contextOf(step));
    const args = argumentsOf(step, record, spans);
    return args === undefined ? uncalledMiss : step.lookup.call(args, this.#contextOf(step));
  }

  #settle(step: Step, answer: Answer | null): Outcome | undefined {
    this.answers[step.index] = answer;
    this.#unsettled -= 1;
    if (this.#unsettled === 0) return this.#finish();
    if (answer?.json !== undefined) this.#attempt.addBytes(answer.json.length);
    let outcome: Outcome | undefined;
    for (const index of step.dependents) {
      const dependent = this.plan.steps[index];
      if (outcome !== undefined || dependent === undefined) break;
      if (dependent.waitsFor.every((other) => this.answers[other] !== undefined)) outcome = this.#callStep(dependent);
    }
    return outcome;
  }

  #stepFailed(step: Step, thrown: unknown): Outcome | undefined {
    const known = RecordError.from(thrown).without(this.plan.secrets);
    const error = known.details.lookup === undefined ? known.with({ lookup: step.lookup.name }) : known;
    if (this.plan.fallback === undefined) return this.#fail(error);
    this.#replacedFailure = error;
    return this.#settle(step, new Answer(this.plan.fallback, error.details.attempts ?? 0));
  }

  #fail(error: RecordError): Outcome {
    return this.#end(failed(this.#record.line, this.#seq, error, this.plan.onFailure));
  }

  #finish(): Outcome {
    const steps = this.plan.steps.length;
    let missing = -1;
    let skipped = 0;
    for (let index = 0; index < steps; index += 1) {
      const answer = this.answers[index];
      if (answer === null) skipped += 1;
      else if (answer?.json === undefined && missing < 0) missing = index;
    }
    if (missing >= 0) {
      const { onMiss } = this.plan.settings;
      if (onMiss === 'drop') return this.#end(dropped);
      if (onMiss === 'error') return this.#fail(this.#notFound(missing));
    }
    let outcome: Outcome;
    try {
      if (skipped === steps) outcome = untouched(this.#record.line);
      else outcome = enriched(this.enrichedLines(this.#record.line), missing >= 0, this.#replacedFailure);
    } catch (error) {
      return this.#fail(RecordError.from(error));
    }
    return this.#end(outcome);
  }

  #notFound(index: number): RecordError {
    const name = this.plan.steps[index]?.lookup.name ?? '';
    const attempts = this.answers[index]?.attempts ?? 0;
    return new RecordError('not_found', `lookup ${name} has no answer for this record`, { lookup: name, attempts });
  }

  /** The run ends with this outcome; `_meta` is put into it. */
  #end(outcome: Outcome): Outcome {
    this.#ended = true;
    this.#record = noRecord;
    const { settings, steps } = this.plan;
    const { meta } = settings;
    if (meta.length === 0) return outcome;
    const ms = this.#clock.now() - this.#startedAt;
    return spliceMeta(outcome, { fields: meta, seq: this.#seq, ms, steps, answers: this.answers });
  }
}
