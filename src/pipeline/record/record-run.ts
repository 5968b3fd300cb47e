import type { Cancellation } from '../../core/call/call-context.ts';
import { RecordError, type RecordErrorCode } from '../../core/errors.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import type { Clock } from '../../core/time/time.ts';
import { Answer } from '../../lookup/lookup.ts';
import type { MemberScan } from '../../wire/json/member-scan.ts';
import { ExplodedLines } from './exploded-lines.ts';
import { dropped, enriched, failed, type OnFailure, type Outcome, untouched } from './outcome.ts';
import { type MetaField, spliceMeta } from './meta.ts';
import { RecordText } from './record-text.ts';
import { repeatLookup } from './repeat.ts';
import { argumentsOf, type Step, uncalledMiss } from './step.ts';

/** What all records of a stream have in common. */
export interface Plan {
  readonly steps: readonly Step[];
  /** No step has anything to wait for. */
  readonly immediate: boolean;
  /** The only step, where a record costs no more than one answer that is there at once, added to its line. */
  readonly direct: Step | undefined;
  /** Finds what the steps read and write. */
  readonly scan: MemberScan;
  readonly onError: OnFailure;
  /** JSON source of the answer that stands in for a failed one; undefined where `onError` is no value. */
  readonly fallback: string | undefined;
  readonly onMiss: 'null' | 'omit' | 'drop' | 'error';
  readonly explode: boolean;
  readonly meta: readonly MetaField[];
  /** What no message shows. */
  readonly secrets: Secrets;
  /** Gets what is thrown when an answer comes later, by a defect: no caller is left to throw it to. */
  readonly onDefect: (error: unknown) => void;
}

/** The slot's token: context of the calls, and where the outcome goes. */
export type RunAttempt = Cancellation & {
  /** Whether a call of the record has begun: it does not only wait for its turn. */
  readonly callBegan: boolean;
  complete(outcome: Outcome): void;
  /** The record holds so many more bytes, until it is complete. */
  hold(bytes: number): void;
};

/** Steps that a number has a bit for. One behind them is spliced by a scan of the line. */
const MASK_BITS = 31;

/** Failures that come before anything was asked. */
const withoutCall: ReadonlySet<RecordErrorCode> = new Set([
  'missing_argument',
  'expression_error',
  'breaker_open',
  'cancelled',
]);

/** A failure that no layer has counted is that of one call. */
function called(error: RecordError): RecordError {
  if (error.details.attempts !== undefined || withoutCall.has(error.code)) return error;
  return error.with({ attempts: 1 });
}

/**
 * One record on its way: its steps run at the same time, but for those that wait for another's answer.
 *
 *   line ─┬─ step 0 ──── answer ─┐
 *         ├─ step 1 ──── answer ─┼─ all settled: answers spliced into the line, in the order of the steps
 *         └─ (0) step 2 ─ answer ┘
 */
export class RecordRun {
  readonly #plan: Plan;
  readonly #seq: number;
  readonly #record: RecordText;
  #attempt: RunAttempt;
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** undefined = not settled yet, null = skipped by its `when`. */
  readonly #answers: (Answer | null | undefined)[];
  #unsettled: number;
  #ended = false;
  /** A bit for each step: the record has no member where it is the first to write. */
  #absent = 0;
  /** The last failure that a fallback stands in for. */
  #replaced: RecordError | undefined;

  constructor(plan: Plan, record: RecordText, seq: number, attempt: RunAttempt, clock: Clock) {
    this.#plan = plan;
    this.#record = record;
    this.#seq = seq;
    this.#attempt = attempt;
    this.#clock = clock;
    this.#startedAt = plan.meta.length > 0 ? clock.now() : 0;
    this.#unsettled = plan.steps.length;
    // A literal is the cheapest array there is, and most records have one step or two.
    this.#answers = [undefined, undefined];
    for (let index = 2; index < plan.steps.length; index += 1) this.#answers.push(undefined);
  }

  /**
   * `scan` has just read this record's line: what it found holds until this returns. `firstAnswer` is what became of the first
   * step, where it has been asked already.
   */
  start(scan: MemberScan | undefined, firstAnswer?: Answer | RecordError): void {
    for (const step of this.#plan.steps) {
      if (step.index < MASK_BITS && step.writesFirst && !this.#record.has(step.target, scan)) {
        this.#absent |= 1 << step.index;
      }
    }
    for (const step of this.#plan.steps) {
      if (step.waitsFor.length > 0) continue;
      if (step.index > 0 || firstAnswer === undefined) this.#ask(step, scan);
      else if (firstAnswer instanceof RecordError) this.#refused(step, firstAnswer);
      else this.#settle(step, firstAnswer);
    }
    this.#record.forget();
  }

  /** The record's time ran out (semantics T2): what has not been answered by now fails with `timeout`. */
  timeOut(attempt: RunAttempt): void {
    const { callBegan } = this.#attempt;
    this.#attempt = attempt;
    const late = this.#plan.steps.filter((step) => this.#answers[step.index] === undefined);
    const lookup = late[0]?.lookup.name;
    const message = callBegan
      ? 'the time of the record ran out'
      : 'the time of the record ran out before its call began';
    const error = new RecordError('timeout', message, {
      ...(lookup !== undefined && { lookup }),
      ...(!callBegan && { attempts: 0 }),
    });
    if (this.#plan.fallback === undefined) return this.#fail(error);
    this.#replaced = error;
    for (const step of late) this.#answers[step.index] = new Answer(this.#plan.fallback, 0);
    this.#finish();
  }

  #ask(step: Step, scan?: MemberScan): void {
    if (this.#ended) return;
    let result: Answer | null | Promise<Answer>;
    try {
      result = this.#call(step, scan);
    } catch (error) {
      return this.#refused(step, error);
    }
    if (!(result instanceof Promise)) return this.#settle(step, result);
    result.then(
      (answer) => this.#answeredLater(step, answer),
      (error: unknown) => this.#refusedLater(step, error),
    );
  }

  #answeredLater(step: Step, answer: Answer): void {
    try {
      this.#settle(step, answer);
    } catch (error) {
      this.#plan.onDefect(error);
    }
  }

  #refusedLater(step: Step, reason: unknown): void {
    try {
      this.#refused(step, called(RecordError.from(reason)));
    } catch (error) {
      this.#plan.onDefect(error);
    }
  }

  #call(step: Step, scan: MemberScan | undefined): Answer | null | Promise<Answer> {
    let record = this.#record;
    if (step.waitsFor.length > 0) {
      // What lies below an unknown answer is unknown as well. An expression may ask whether there is one.
      if (step.needs.some((other) => this.#answers[other]?.json === undefined && this.#answers[other] !== null)) {
        return uncalledMiss;
      }
      record = new RecordText(this.#spliced(record.line, step.waitsFor));
    }
    if (step.when !== undefined && !step.when(record.value)) return null;
    if (step.repeat !== undefined) return repeatLookup(step, step.repeat, record, this.#attempt);
    const args = argumentsOf(step, record, scan);
    return args === undefined ? uncalledMiss : step.lookup.call(args, this.#attempt);
  }

  #settle(step: Step, answer: Answer | null): void {
    if (this.#ended) return;
    this.#answers[step.index] = answer;
    this.#unsettled -= 1;
    if (this.#unsettled === 0) return this.#finish();
    if (answer?.json !== undefined) this.#attempt.hold(answer.json.length);
    for (const index of step.dependents) {
      const dependent = this.#plan.steps[index];
      if (dependent?.waitsFor.every((other) => this.#answers[other] !== undefined)) this.#ask(dependent);
    }
  }

  #refused(step: Step, thrown: unknown): void {
    if (this.#ended) return;
    const known = RecordError.from(thrown).without(this.#plan.secrets);
    const error = known.details.lookup === undefined ? known.with({ lookup: step.lookup.name }) : known;
    if (this.#plan.fallback === undefined) return this.#fail(error);
    this.#replaced = error;
    this.#settle(step, new Answer(this.#plan.fallback, error.details.attempts ?? 0));
  }

  #fail(error: RecordError): void {
    this.#complete(failed(this.#record.line, this.#seq, error, this.#plan.onError));
    // Calls that still run for this record have nobody to answer.
    if (this.#unsettled > 1) this.#attempt.cancel(error);
  }

  #finish(): void {
    const steps = this.#plan.steps.length;
    let missing = -1;
    let skipped = 0;
    for (let index = 0; index < steps; index += 1) {
      const answer = this.#answers[index];
      if (answer === null) skipped += 1;
      else if (answer?.json === undefined && missing < 0) missing = index;
    }
    if (missing >= 0) {
      if (this.#plan.onMiss === 'drop') return this.#complete(dropped);
      if (this.#plan.onMiss === 'error') return this.#fail(this.#notFound(missing));
    }
    let outcome: Outcome;
    try {
      if (skipped === steps) outcome = untouched(this.#record.line);
      else outcome = enriched(this.#plan.explode ? this.#exploded() : this.#whole(), missing >= 0, this.#replaced);
    } catch (error) {
      return this.#fail(RecordError.from(error));
    }
    this.#complete(outcome);
  }

  #notFound(index: number): RecordError {
    const name = this.#plan.steps[index]?.lookup.name ?? '';
    const attempts = this.#answers[index]?.attempts ?? 0;
    return new RecordError('not_found', `lookup ${name} has no answer for this record`, { lookup: name, attempts });
  }

  /** The line with all answers in it. */
  #whole(): string {
    let text = this.#record.line;
    for (let index = 0; index < this.#plan.steps.length; index += 1) {
      text = this.#splice(text, index, this.#source(index));
    }
    return text;
  }

  /** The line with the answers of these steps in it. */
  #spliced(line: string, steps: readonly number[]): string {
    let text = line;
    for (const index of steps) text = this.#splice(text, index, this.#source(index));
    return text;
  }

  /** One line for each combination of elements of the answers that are arrays. */
  #exploded(): Outcome['lines'] {
    const parts = this.#plan.steps.map(({ place, index }) => ({
      place,
      absent: this.#isAbsent(index),
      json: this.#source(index),
    }));
    if (!parts.some(({ json }) => json?.startsWith('[') === true)) return this.#whole();
    const lines = new ExplodedLines(this.#record.line, parts);
    const first = lines.next();
    if (first === undefined) return [];
    return lines.next() === undefined ? first : lines.again();
  }

  /** JSON source to put into the record for a step, undefined for nothing. */
  #source(index: number): string | undefined {
    const answer = this.#answers[index];
    if (answer === null || answer === undefined) return undefined;
    return answer.json ?? (this.#plan.onMiss === 'omit' ? undefined : 'null');
  }

  #splice(text: string, index: number, json: string | undefined): string {
    const step = this.#plan.steps[index];
    if (step === undefined || json === undefined) return text;
    return step.place.splice(text, this.#isAbsent(index), json);
  }

  #isAbsent(index: number): boolean {
    return index < MASK_BITS && (this.#absent & (1 << index)) !== 0;
  }

  #complete(outcome: Outcome): void {
    this.#ended = true;
    const { meta, steps } = this.#plan;
    if (meta.length === 0) return this.#attempt.complete(outcome);
    const ms = this.#clock.now() - this.#startedAt;
    this.#attempt.complete(spliceMeta(outcome, { fields: meta, seq: this.#seq, ms, steps, answers: this.#answers }));
  }
}
