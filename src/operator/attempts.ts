import type { InputEnd } from '../core/call/call-context.ts';
import type { Cancellation } from '../core/call/cancellation.ts';
import { Deadlines } from '../core/time/deadlines.ts';
import { RecordError } from '../core/errors.ts';
import { Fifo } from '../core/fifo.ts';
import type { Clock } from '../core/time/time.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { RecordSlot } from './queues/slot.ts';

export interface AttemptsOptions<In, Out> {
  readonly timeoutMs: number;
  /** Whether the wait of a record's first call, at a shared limit or for its batch, counts against `timeoutMs`. */
  readonly limitWaitCounts: boolean;
  readonly clock: Clock;
  readonly invoke: (input: In, attempt: Attempt<In, Out>) => void;
  readonly onTimeout: (input: In, attempt: Attempt<In, Out>) => void;
  readonly onError: (error: unknown, input: In, slotNumber: number) => Out;
  /** Called once for each record, with its outcome. */
  readonly onComplete: (slot: RecordSlot<In, Out>, output: Out) => void;
  /** A record that is not complete holds more bytes. */
  readonly onBytes: (slot: RecordSlot<In, Out>, bytes: number) => void;
  readonly onLate: () => void;
  /** The first record has begun to wait at a shared limit, or the last one no longer waits. */
  readonly onLimitWaiting: () => void;
  /** Whether another record may be started before one of those that have an attempt is complete. */
  readonly mayStartMore: () => boolean;
}

/** The attempt of a timeout hook. */
class HookAttempt<In, Out> extends Attempt<In, Out> {}

/** Starts the records that have a slot, times them, and passes on the first completion of each. */
export class Attempts<In, Out> {
  readonly #options: AttemptsOptions<In, Out>;
  readonly #inputEnd: InputEnd;
  readonly #deadlines: Deadlines<RecordSlot<In, Out>>;
  /** Slots that were passed in while another slot was being started: they are started after that, not within it. */
  readonly #startable = new Fifo<RecordSlot<In, Out>>();
  readonly #attemptOwner: AttemptOwner<In, Out> = {
    complete: (slot, attempt, output) => {
      if (slot?.attempt === attempt) this.#complete(slot, output);
      else this.#late();
    },
    fail: (slot, attempt, error) => {
      if (slot?.attempt === attempt) this.#complete(slot, this.#options.onError(error, slot.input, slot.number));
      else this.#late();
    },
    addBytes: (slot, attempt, bytes) => {
      if (slot?.attempt === attempt && !this.#closed) this.#options.onBytes(slot, bytes);
    },
    retryWaiting: (delta) => {
      if (!this.#closed) this.retryWaiting += delta;
    },
    limitWaiting: (delta) => {
      if (this.#closed) return;
      this.limitWaiting += delta;
      if (this.limitWaiting === (delta === 1 ? 1 : 0)) this.#options.onLimitWaiting();
    },
    inBatch: (delta) => {
      if (this.#closed) return;
      this.inBatch += delta;
      if (delta === 1) this.#inputEnd.arrivals.changed();
    },
    startClock: (slot) => {
      if (this.#closed || slot.attempt === undefined) return;
      const due = this.#options.clock.now() + this.#options.timeoutMs;
      slot.attempt.deadline = due;
      this.#deadlines.arm(slot, due);
    },
  };
  #starting = false;
  #closed = false;
  /** Records that have an attempt: that run, or wait to be tried again. */
  inFlight = 0;
  retryWaiting = 0;
  /** Records with a call that waits at a shared limit. */
  limitWaiting = 0;
  /** Records with a call that is in a batch, sent or not. */
  inBatch = 0;
  highestInFlight = 0;
  lateCompletions = 0;

  constructor(options: AttemptsOptions<In, Out>, inputEnd: InputEnd) {
    this.#options = options;
    this.#inputEnd = inputEnd;
    this.#deadlines = new Deadlines(options.clock, (slot) => this.#expire(slot));
    inputEnd.arrivals.decidedBy(() => this.inBatch < this.inFlight || options.mayStartMore());
  }

  /** `nowMs` is the time of the clock; it is not used if records have no timeout. */
  start(first: RecordSlot<In, Out>, nowMs: number): void {
    if (this.#starting) {
      this.#startable.push(first);
      return;
    }
    this.#starting = true;
    try {
      for (let slot: typeof first | undefined = first; slot !== undefined; slot = this.#startable.shift()) {
        this.#startAttempt(slot, slot === first ? nowMs : this.#options.clock.now());
      }
    } finally {
      this.#starting = false;
    }
  }

  /** Called when the last record is complete: no timer is needed any more. */
  stopIdleTimer(): void {
    this.#deadlines.stopIdleTimer();
  }

  /** From now on nothing is started, timed or completed. The caller cancels the running attempts. */
  close(): void {
    this.#closed = true;
    this.#deadlines.clear();
    this.#startable.clear();
    this.inFlight = 0;
    this.retryWaiting = 0;
    this.limitWaiting = 0;
    this.inBatch = 0;
  }

  /** `mayStartMore` may have become false. */
  startableChanged(): void {
    if (this.inBatch > 0) this.#inputEnd.arrivals.changed();
  }

  #startAttempt(slot: RecordSlot<In, Out>, nowMs: number): void {
    const { timeoutMs, limitWaitCounts, invoke } = this.#options;
    const due = timeoutMs > 0 ? nowMs + timeoutMs : Infinity;
    const attempt = new Attempt(this.#attemptOwner, slot, due, this.#inputEnd);
    slot.attempt = attempt;
    this.inFlight++;
    if (this.inFlight > this.highestInFlight) this.highestInFlight = this.inFlight;
    try {
      invoke(slot.input, attempt);
    } catch (error) {
      attempt.fail(error);
    }
    if (timeoutMs === 0 || slot.attempt !== attempt || this.#closed) return;
    // The deadline is armed after the call, so that a call with an immediate answer costs no deadline.
    if (limitWaitCounts || !attempt.waitsForFirstCall) this.#deadlines.arm(slot, due);
    else attempt.clockDeferred = true;
  }

  #complete(slot: RecordSlot<In, Out>, output: Out): void {
    if (this.#closed) return;
    slot.attempt = undefined;
    this.#deadlines.disarm(slot);
    this.inFlight--;
    this.#options.onComplete(slot, output);
    this.startableChanged();
  }

  #expire(slot: RecordSlot<In, Out>): void {
    const running = slot.attempt;
    if (running instanceof HookAttempt) this.#expireHook(slot, running);
    else this.#callHook(slot, running);
  }

  /** The hook gets the same time as the record had (semantics T2). */
  #callHook(slot: RecordSlot<In, Out>, running: Cancellation | undefined): void {
    const { timeoutMs, onTimeout, clock } = this.#options;
    const due = clock.now() + timeoutMs;
    // The token is replaced before the call is cancelled: an answer of the cancelled call is late.
    const attempt = new HookAttempt(this.#attemptOwner, slot, due, this.#inputEnd);
    slot.attempt = attempt;
    running?.cancel(new RecordError('timeout', `the record took longer than its timeout of ${timeoutMs} ms`));
    if (this.#closed) return;
    try {
      onTimeout(slot.input, attempt);
    } catch (error) {
      attempt.fail(error);
    }
    if (slot.attempt === attempt && !this.#closed) this.#deadlines.arm(slot, due);
  }

  #expireHook(slot: RecordSlot<In, Out>, running: HookAttempt<In, Out>): void {
    const error = new RecordError(
      'timeout',
      `the record took longer than its timeout of ${this.#options.timeoutMs} ms, and its timeout hook as long again`,
    );
    const attempt = new HookAttempt(this.#attemptOwner, slot, running.deadline, this.#inputEnd);
    slot.attempt = attempt;
    running.cancel(error);
    if (!this.#closed) attempt.fail(error);
  }

  #late(): void {
    if (this.#closed) return;
    this.lateCompletions++;
    this.#options.onLate();
  }
}
