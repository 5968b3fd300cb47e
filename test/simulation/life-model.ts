import { Line } from './line.ts';
import type { Plan } from './plan.ts';
import { Call, type Produced, type Phase, type RecordState } from './record-state.ts';
import type { RetryModel } from './retry-model.ts';
import type { Rules } from './rules.ts';
import type { SimClock } from './sim-clock.ts';

export interface ContextSeen {
  readonly attempt: number;
  readonly deadline: number;
}

/**
 * What may happen to a record between admission and completion, by C1, C6, O3, P1 to P5, T1 to T5 and R1 to R6.
 *
 * The function reports calls, outcomes and cancellations to it, and the queue the reactions of the operator. The model
 * decides each outcome by itself, at the moment of the completion; the operator may receive the completion a few promises
 * later, but within the same event.
 */
export class LifeModel {
  readonly #plan: Plan;
  readonly #clock: SimClock;
  readonly #rules: Rules;
  readonly #retry: RetryModel;
  readonly #byKey = new Map<number, Line<RecordState>>();
  readonly #dues = new Line<RecordState>();
  /** Calls of hooks, in the order in which their time ends. */
  readonly #hookDues = new Line<Call>();
  /** Counts that must be 0 after each event. */
  startable = 0;
  unheard = 0;
  unhooked = 0;
  /** Running calls: not answered and not cancelled. */
  calls = 0;
  hooks = 0;
  /** Records that were attempted and are not complete. */
  active = 0;
  retrying = 0;
  late = 0;
  aborted = false;
  /** The number of the event, which says whether two things happen in the same event. */
  event = 0;

  constructor(plan: Plan, clock: SimClock, rules: Rules, retry: RetryModel) {
    this.#plan = plan;
    this.#clock = clock;
    this.#rules = rules;
    this.#retry = retry;
  }

  admitted(record: RecordState): void {
    record.startableAt = this.#clock.now();
    if (this.#plan.mode === 'keyed') {
      const line = this.#byKey.get(record.key);
      if (line !== undefined) return line.push(record);
      const first = new Line<RecordState>();
      first.push(record);
      this.#byKey.set(record.key, first);
    }
    this.startable++;
  }

  started(record: RecordState, context: ContextSeen): Call {
    const now = this.#clock.now();
    const call = new Call(record, record.attempt + 1, false, now);
    const name = `record ${record.seq}, attempt ${call.attempt},`;
    if (this.aborted) this.#rules.broken('E2', `${name} was called after the abort`);
    if (context.attempt !== call.attempt)
      this.#rules.broken('P2', `${name} has the attempt number ${context.attempt} in its context`);
    if (record.phase === 'waiting') this.#startedFirst(record, now, name);
    else if (record.phase === 'retrying') this.#startedAgain(record, name);
    else this.#rules.broken(this.#wrongStart(record.phase), `${name} was called while ${record.phase}`);
    const ownMs = this.#plan.attemptTimeoutMs;
    const deadline = ownMs > 0 ? Math.min(record.due, now + ownMs) : record.due;
    if (context.deadline !== deadline)
      this.#rules.broken('T1', `${name} has the deadline ${context.deadline}, not ${deadline}`);
    record.phase = 'running';
    record.attempt = call.attempt;
    record.call = call;
    this.calls++;
    if (this.calls > this.#plan.capacity)
      this.#rules.broken('C6', `${this.calls} calls run, capacity is ${this.#plan.capacity}`);
    return call;
  }

  /** The function completes a call. */
  produced(call: Call, produced: Produced): void {
    if (this.aborted) {
      this.closed(call);
      return;
    }
    if (call.closed) {
      this.late++;
      return;
    }
    this.closed(call);
    const { record } = call;
    if (call.hook) return this.#settle(record, produced);
    this.#attemptEnded(record, produced);
  }

  /** The context of a call reports that no caller waits any more. */
  cancelled(call: Call): void {
    if (call.closed) return;
    this.closed(call);
    if (this.aborted) return;
    const { record } = call;
    const now = this.#clock.now();
    const { attemptTimeoutMs } = this.#plan;
    if (!call.hook && attemptTimeoutMs > 0 && record.gaveUp?.() === false) {
      if (now < call.startedAt + attemptTimeoutMs)
        this.#rules.broken('T1', `record ${record.seq}: an attempt was cancelled early`);
      return this.#attemptEnded(record, 'timeout');
    }
    if (call.hook) {
      if (now < call.startedAt + this.#plan.timeoutMs)
        this.#rules.broken('T2', `record ${record.seq}: its timeout hook was cancelled early`);
      return this.#settle(record, 'timeout');
    }
    if (now < record.due)
      this.#rules.broken('T2', `record ${record.seq} was cancelled at ${now}, due at ${record.due}`);
    this.#expire(record);
  }

  /** The timeout hook is called. */
  hooked(record: RecordState, deadline: number): Call {
    const now = this.#clock.now();
    const name = `record ${record.seq}: the timeout hook was called`;
    if (this.aborted) this.#rules.broken('E2', `${name} after the abort`);
    if (record.phase === 'retrying') this.#expire(record);
    if (now < record.due) this.#rules.broken('T1', `${name} at ${now}, due at ${record.due}`);
    if (record.phase === 'expired') this.unhooked--;
    else {
      const rule = record.phase === 'running' ? 'T2' : record.phase === 'hooking' ? 'T3' : 'T4';
      this.#rules.broken(rule, `${name} while ${record.phase}`);
    }
    const due = now + this.#plan.timeoutMs;
    if (deadline !== due) this.#rules.broken('T2', `${name} with the deadline ${deadline}, not ${due}`);
    record.phase = 'hooking';
    this.hooks++;
    const call = new Call(record, 127, true, now);
    this.#hookDues.push(call);
    return call;
  }

  /** The operator treats an outcome as final, and completes the slot in its queue. */
  completed(record: RecordState, output: Produced): void {
    const name = `record ${record.seq}`;
    // A timeout while a record waits for its retry is reported nowhere else.
    if (record.phase === 'retrying' && !this.#plan.hook && this.#clock.now() >= record.due) this.#expire(record);
    if (record.phase === 'settled') this.unheard--;
    else if (record.phase === 'complete' || record.phase === 'taken')
      this.#rules.broken('P1', `${name} was completed twice`);
    else if (record.phase === 'retrying') this.#rules.broken('R1', `${name} was completed, but has a retry left`);
    else if (record.phase === 'hooking') this.#rules.broken('T2', `${name} was completed while its hook runs`);
    else this.#rules.broken(record.attempt > 1 ? 'P2' : 'P1', `${name} was completed while ${record.phase}`);
    if (record.outcome !== undefined && !same(record.outcome, output)) {
      this.#rules.broken(
        record.outcome === 'invalid_result' ? 'P3' : 'P1',
        `${name} was completed with ${String(output)}, not ${String(record.outcome)}`,
      );
    }
    record.phase = 'complete';
    this.active--;
    if (this.#plan.mode === 'keyed') this.#freeKey(record);
  }

  /** Checks that every due event has happened. Called before the time moves on, and at its end. */
  checkDues(now = this.#clock.now()): void {
    for (let head = this.#dues.head; head !== undefined; head = this.#dues.head) {
      const { phase, due, seq } = head;
      if (phase === 'running' || phase === 'retrying') {
        // Timers have whole milliseconds, rounded up.
        if (due + 1 <= now) this.#rules.broken('T2', `record ${seq}: time ran out at ${due}, and it still runs`);
        break;
      }
      this.#dues.shift();
    }
    for (let head = this.#hookDues.head; head !== undefined; head = this.#hookDues.head) {
      if (!head.closed) {
        const due = head.startedAt + this.#plan.timeoutMs;
        if (due + 1 <= now)
          this.#rules.broken('T2', `record ${head.record.seq}: its timeout hook goes on after ${due}`);
        return;
      }
      this.#hookDues.shift();
    }
  }

  closed(call: Call): void {
    if (call.closed) return;
    call.closed = true;
    if (call.hook) this.hooks--;
    else this.calls--;
  }

  #startedFirst(record: RecordState, now: number, name: string): void {
    this.startable--;
    this.active++;
    if (this.#plan.timeoutMs > 0) {
      record.due = now + this.#plan.timeoutMs;
      this.#dues.push(record);
    }
    if (this.#plan.mode === 'keyed') {
      const first = this.#byKey.get(record.key)?.head;
      if (first !== record)
        return this.#rules.broken('O3', `${name} was called while record ${first?.seq} of its key is`);
    }
    if (now !== record.startableAt)
      this.#rules.broken('C1', `${name} could start at ${record.startableAt}, did at ${now}`);
  }

  #startedAgain(record: RecordState, name: string): void {
    this.retrying--;
    const cut = this.#retry.endedIn === this.event;
    if (!cut && this.#clock.firingDue !== record.retryAt) {
      this.#rules.broken('R3', `${name} was due at ${record.retryAt}, and called at ${this.#clock.firingDue}`);
    }
  }

  #wrongStart(phase: Phase): string {
    if (phase === 'running') return 'P2';
    return phase === 'settled' ? this.#retry.refusedBy : 'T3';
  }

  #attemptEnded(record: RecordState, produced: Produced): void {
    const waitMs = this.#retry.waitMs(record, produced, this.#clock.now());
    if (waitMs === undefined) return this.#settle(record, produced);
    record.phase = 'retrying';
    record.retryAt = this.#clock.now() + waitMs;
    this.retrying++;
  }

  #expire(record: RecordState): void {
    if (record.phase === 'retrying') {
      this.retrying--;
      if (record.retryAt + 1 <= this.#clock.firingDue)
        this.#rules.broken('R3', `record ${record.seq}: its retry never came`);
    }
    if (!this.#plan.hook) return this.#settle(record, 'timeout');
    record.phase = 'expired';
    this.unhooked++;
  }

  #settle(record: RecordState, produced: Produced): void {
    record.phase = 'settled';
    record.outcome = this.#outcomeOf(record, produced);
    this.unheard++;
  }

  /** The library calls `onError` for values, unless an error is to end the iteration. */
  #outcomeOf({ seq }: RecordState, produced: Produced): Produced {
    const { level, failFast } = this.#plan;
    return typeof produced === 'string' && level === 'library' && !failFast ? [errorValue(seq)] : produced;
  }

  #freeKey(record: RecordState): void {
    const line = this.#byKey.get(record.key);
    if (line === undefined) return;
    if (line.head === record) line.shift();
    const next = line.head;
    if (next === undefined) this.#byKey.delete(record.key);
    else {
      next.startableAt = this.#clock.now();
      this.startable++;
    }
  }
}

/** The value that stands for an error in the library's results. */
export function errorValue(seq: number): number {
  return -1 - seq;
}

export function same(left: Produced, right: Produced): boolean {
  if (typeof left === 'string' || typeof right === 'string') return left === right;
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
