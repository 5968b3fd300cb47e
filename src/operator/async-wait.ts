import { InputEnd } from '../core/call/call-context.ts';
import type { Gate } from '../core/call/gate.ts';
import type { Clock } from '../core/time/time.ts';
import type { AsyncWaitObserver, AsyncWaitOptions, Downstream, SlotBytes } from './async-wait-options.ts';
import { Attempts } from './attempts.ts';
import type { BackpressureMeter } from './backpressure-meter.ts';
import { isBetweenRuns, isClosed, isOpen, withInputEnded, withRunBegun, withRunEnded, type Phase } from './phase.ts';
import type { StreamQueue } from './queues/queue.ts';
import { pending, type RecordSlot } from './queues/slot.ts';
import type { Watermark } from './watermark.ts';

/**
 * The operator: admits records while slots are free, starts them, times them, and emits their outcomes in the order that
 * the queue decides, while the downstream has room. One loop serves all orders. A record costs a slot and an attempt, and
 * no promise and no timer.
 *
 *     offer ──▶ queue (slots) ──▶ invoke ──▶ attempt.complete ──▶ schedule ──▶ run: take, emit, flush, onRoom
 *       └──── immediateOutcome, while no slot is taken ──────────▶ emit
 */
export class AsyncWait<In, Out> {
  readonly #options: AsyncWaitOptions<In, Out>;
  readonly #queue: StreamQueue<In, Out>;
  readonly #downstream: Downstream<Out>;
  readonly #observer: AsyncWaitObserver | undefined;
  readonly #backpressure: BackpressureMeter | undefined;
  readonly #slotBytes: SlotBytes<In, Out> | undefined;
  readonly #clock: Clock;
  readonly #immediateOutcome: ((input: In) => Out) | undefined;
  readonly #turnGate: Gate | undefined;
  /** Whether the clock is read at an admission. */
  readonly #readsClock: boolean;
  readonly #inputEnd: InputEnd;
  readonly #attempts: Attempts<In, Out>;
  readonly #scheduledRun = (): void => {
    this.#runScheduled = false;
    this.#run();
  };
  readonly #gateOpened = (): void => this.#run();
  #phase: Phase = 'open';
  #emitting = false;
  #unflushed = false;
  #admitting: RecordSlot<In, Out> | undefined = undefined;
  #runScheduled = false;
  #roomWanted = false;
  #completedWaiting = 0;
  /** Slots taken so far, those that are free again included. */
  #slotsTaken = 0;

  constructor(options: AsyncWaitOptions<In, Out>) {
    this.#options = options;
    this.#queue = options.queue;
    this.#downstream = options.downstream;
    this.#observer = options.observer;
    this.#backpressure = options.backpressure;
    this.#slotBytes = options.slotBytes;
    this.#clock = options.clock;
    this.#immediateOutcome = options.immediateOutcome;
    this.#turnGate = options.turnGate;
    this.#readsClock = options.observer !== undefined || options.timeoutMs > 0;
    this.#inputEnd = new InputEnd(options.trace, options.weight);
    this.#attempts = new Attempts(
      {
        timeoutMs: options.timeoutMs,
        limitWaitCounts: options.limitWaitCounts,
        clock: options.clock,
        invoke: options.invoke,
        onTimeout: options.onTimeout,
        onError: options.onError,
        onComplete: (slot, output) => this.#completed(slot, output),
        onBytes: (slot, bytes) => {
          slot.heldBytes += bytes;
          this.#slotBytes?.share.add(bytes);
        },
        onLate: () => options.observer?.lateCompletion(),
        onLimitWaiting: () => this.#explainStop(),
        // A single record has no stream that would bring others; other requests may.
        mayStartMore: () => options.limitWaitCounts || (isOpen(this.#phase) && this.#queue.size < this.#queue.capacity),
      },
      this.#inputEnd,
    );
  }

  /** Slots taken. */
  get size(): number {
    return this.#queue.size;
  }

  /** Records that are being attempted. */
  get inFlight(): number {
    return this.#attempts.inFlight - this.#attempts.retryWaiting;
  }

  /** Records that wait to be tried again. */
  get retryWaiting(): number {
    return this.#attempts.retryWaiting;
  }

  get highestInFlight(): number {
    return this.#attempts.highestInFlight;
  }

  /** Records that are complete and not yet emitted. */
  get completedWaiting(): number {
    return this.#completedWaiting;
  }

  get lateCompletions(): number {
    return this.#attempts.lateCompletions;
  }

  /** Whether `offer` would take a record now; to make room, emits ready slots first. After false, `onRoom` is called when it would. */
  makeRoom(): boolean {
    if (!isOpen(this.#phase)) return false;
    if (this.#queue.size < this.#queue.capacity) return true;
    // Immediate answers are complete by now: without this a table would need a run for every `capacity` records.
    this.#emitReady();
    if (this.#queue.size < this.#queue.capacity) return !isClosed(this.#phase);
    this.#roomWanted = true;
    this.#explainStop();
    return false;
  }

  /** Admits and starts a record. False if no slot is free: the record was not kept; offer it again after `onRoom`. */
  offer(input: In): boolean {
    const turnGate = this.#turnGate;
    if (turnGate !== undefined && !turnGate.open) {
      turnGate.whenOpen(this.#gateOpened);
      this.#roomWanted = true;
      return false;
    }
    const outcomeOf = this.#immediateOutcome;
    if (outcomeOf !== undefined && this.#queue.size === 0 && this.#downstream.ready && isOpen(this.#phase)) {
      this.#emitImmediate(outcomeOf(input));
      return true;
    }
    if (!this.makeRoom()) return false;
    const slot = this.#queue.tryPut(input);
    if (slot === undefined) return false;
    slot.number = this.#slotsTaken++;
    if (this.#readsClock) slot.admittedMs = this.#clock.now();
    const bytes = this.#slotBytes;
    if (bytes !== undefined) bytes.share.admit((slot.heldBytes = bytes.admitted(input)));
    this.#admitting = slot;
    if (slot.mayStart) this.#attempts.start(slot, slot.admittedMs);
    this.#admitting = undefined;
    return true;
  }

  offerBarrier(barrier: Watermark): boolean {
    const slot = this.makeRoom() ? this.#queue.tryPutBarrier(barrier) : undefined;
    if (slot === undefined) return false;
    slot.number = this.#slotsTaken++;
    const bytes = this.#slotBytes;
    if (bytes !== undefined) bytes.share.admit((slot.heldBytes = bytes.barrier(barrier)));
    this.#scheduleRun();
    return true;
  }

  /**
   * Ends the input. `onEnd` is called when every slot is emitted, but never before this returns. Records that wait for a
   * retry keep their retries; with `cutWaits` each of them makes one last attempt now (semantics R6).
   */
  end(cutWaits = false): void {
    if (!isOpen(this.#phase)) return;
    this.#phase = withInputEnded(this.#phase);
    this.#inputMoves();
    this.#attempts.startableChanged();
    if (cutWaits) this.#inputEnd.end();
    this.#scheduleRun(true);
  }

  /** Ends without emitting: running attempts are cancelled, and nothing is emitted or called from now on. */
  abort(reason: unknown): void {
    if (isClosed(this.#phase)) return;
    this.#inputMoves();
    this.#phase = 'closed';
    this.#attempts.close();
    const slots = [...this.#queue.slots()];
    this.#queue.clear();
    this.#completedWaiting = 0;
    for (const slot of slots) if (slot.barrier === undefined) slot.attempt?.cancel(reason);
  }

  /** Called when the downstream has room again. Emits what is ready, at once. */
  downstreamReady(): void {
    this.#run();
  }

  /** Emits an immediate outcome. No other record stands before it. */
  #emitImmediate(output: Out): void {
    this.#unflushed = true;
    this.#observer?.reorderWait(0);
    this.#observer?.recordDuration(0);
    this.#downstream.emit(output);
    this.#scheduleRun(true);
  }

  #completed(slot: RecordSlot<In, Out>, output: Out): void {
    this.#completedWaiting++;
    // A record that is completed while it is admitted needs no second reading of the clock.
    if (this.#observer !== undefined) slot.completedMs = slot === this.#admitting ? slot.admittedMs : this.#clock.now();
    const bytes = this.#slotBytes;
    if (bytes !== undefined) {
      const held = bytes.completed(slot.input, output);
      bytes.share.add(held - slot.heldBytes);
      slot.heldBytes = held;
    }
    const next = this.#queue.complete(slot, output);
    if (next !== undefined) this.#attempts.start(next, this.#clock.now());
    this.#scheduleRun();
  }

  #scheduleRun(always = false): void {
    if (this.#runScheduled || !isBetweenRuns(this.#phase)) return;
    if (!always && !(this.#queue.ready && this.#downstream.ready)) {
      if (this.#queue.ready) this.#explainStop();
      return;
    }
    this.#runScheduled = true;
    this.#options.schedule(this.#scheduledRun);
  }

  #run(): void {
    if (!isBetweenRuns(this.#phase)) return;
    this.#phase = withRunBegun(this.#phase);
    try {
      do {
        this.#emitReady();
        this.#flush();
        this.#announceRoom();
      } while (!isClosed(this.#phase) && (this.#unflushed || (this.#queue.ready && this.#downstream.ready)));
    } finally {
      this.#phase = withRunEnded(this.#phase);
    }
    if (this.#phase !== 'ended' || this.#queue.size > 0) return;
    this.#phase = 'closed';
    this.#attempts.stopIdleTimer();
    this.#options.onEnd();
  }

  #emitReady(): void {
    if (this.#emitting || !this.#queue.ready) return;
    this.#emitting = true;
    const now = this.#observer === undefined ? 0 : this.#clock.now();
    try {
      while (this.#queue.ready) {
        if (!this.#downstream.ready) {
          this.#explainStop();
          break;
        }
        this.#emitNext(now);
      }
    } finally {
      this.#emitting = false;
    }
    if (this.#unflushed) this.#scheduleRun(true);
  }

  #emitNext(now: number): void {
    const slot = this.#queue.take();
    if (slot === undefined) return;
    this.#unflushed = true;
    if (slot.barrier !== undefined) {
      this.#downstream.emitBarrier(slot.barrier);
    } else if (slot.output !== pending) {
      this.#completedWaiting--;
      this.#observer?.reorderWait(now - slot.completedMs);
      this.#observer?.recordDuration(now - slot.admittedMs);
      this.#downstream.emit(slot.output);
    }
    this.#slotBytes?.share.add(-slot.heldBytes);
  }

  #flush(): void {
    if (!this.#unflushed || isClosed(this.#phase)) return;
    this.#unflushed = false;
    this.#downstream.flush();
  }

  #announceRoom(): void {
    if (!this.#roomWanted || isClosed(this.#phase) || this.#queue.size >= this.#queue.capacity) return;
    this.#inputMoves();
    this.#options.onRoom();
  }

  /** The input no longer stands still: there is room, or no more records are taken. */
  #inputMoves(): void {
    if (!this.#roomWanted) return;
    this.#roomWanted = false;
    this.#backpressure?.moving();
  }

  /** Reports to the meter why no record is taken, as long as a record waits for a slot. */
  #explainStop(): void {
    if (!this.#roomWanted || this.#backpressure === undefined) return;
    if (this.#queue.ready && !this.#downstream.ready) this.#backpressure.stopped('slow_reader');
    else this.#backpressure.stopped(this.#attempts.limitWaiting > 0 ? 'limit' : 'capacity');
  }
}
