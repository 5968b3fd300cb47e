import { CheckpointQueue } from '../../src/library/checkpoint/checkpoint-queue.ts';
import { fromStart } from '../../src/library/checkpoint/checkpoint.ts';
import { Failure } from '../../src/library/failure.ts';
import type { FunctionOutcome } from '../../src/library/invocation.ts';
import { AsyncWait } from '../../src/operator/async-wait.ts';
import { Watermark } from '../../src/operator/watermark.ts';
import { Progress } from '../../src/operator/progress.ts';
import { faultyFunction } from './faulty-function.ts';
import { Model, WatchedQueue, type Input } from './model.ts';
import { invocationOf, queueOf, strategyOf, type Defects, type Operator, type OperatorOptions } from './parts.ts';
import type { Plan } from './plan.ts';
import { SeededRandom } from './random.ts';
import type { Rules } from './rules.ts';
import { SimClock } from './sim-clock.ts';
import { SourceItems } from './source-items.ts';

/** Runs every promise job that is queued, in the order that the language defines. */
export function drainPromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * The operator by itself: the round offers, reads, runs the loop, ends and aborts, at moments that the seed decides.
 *
 *     step ─▶ one event ─▶ promises drained ─▶ every rule checked ─▶ step …
 */
export class OperatorRound {
  readonly #plan: Plan;
  readonly #defects: Defects;
  readonly #rules: Rules;
  readonly #random: SeededRandom;
  readonly #clock: SimClock;
  readonly #model: Model;
  readonly #wait: Operator;
  readonly #checkpoints: CheckpointQueue<Input, FunctionOutcome<number>>;
  /** The progress that the service would keep of the same stream. */
  readonly #progress = new Progress(0);
  readonly #items: SourceItems;
  #refused: Input | Watermark | undefined;
  /** Whether an offer was refused, and onRoom was not called since. */
  #waitsForRoom = false;
  #runs = 0;
  #readable = true;
  /** The number of outcomes for which the reader has room, before it is slow again. */
  #room: number;
  #unflushed = false;
  #inputOver = false;
  #ended = false;
  #aborted = false;
  #calls = 0;

  constructor(plan: Plan, rules: Rules, defects: Defects = {}) {
    this.#plan = plan;
    this.#defects = defects;
    this.#rules = rules;
    const random = new SeededRandom(plan.seed + 2 ** 40);
    this.#random = random;
    const clock = new SimClock(random);
    this.#clock = clock;
    const model = new Model(plan, clock, rules, () => this.#readable, fromStart);
    this.#model = model;
    this.#items = new SourceItems(plan, random, 0);
    this.#room = this.#nextRoom();
    const right = queueOf(plan);
    const queue = new WatchedQueue(defects.queue?.(right, plan, clock) ?? right, model);
    this.#checkpoints = new CheckpointQueue(queue, fromStart);
    const rightFn = faultyFunction({ plan, clock, random, model, onCall: () => this.#called() });
    const fn = defects.fn?.(rightFn) ?? rightFn;
    const rightStrategy = strategyOf(plan, model);
    const strategy = rightStrategy && (defects.strategy?.(rightStrategy) ?? rightStrategy);
    const subjectClock = defects.clock?.(clock) ?? clock;
    const { invoke, onTimeout } = invocationOf(plan, fn, strategy, subjectClock);
    const options: OperatorOptions = {
      queue: this.#checkpoints,
      timeoutMs: plan.timeoutMs,
      clock: subjectClock,
      invoke: (input, attempt) => {
        const record = model.records.get(input.seq);
        if (record !== undefined) record.gaveUp = () => attempt.cancelled;
        invoke(input, attempt);
      },
      onTimeout,
      onError: (error) => new Failure(error),
      downstream: this.#downstream(),
      onRoom: () => this.#onRoom(),
      onEnd: () => this.#onEnd(),
      schedule: (run) => this.#schedule(run),
      observer: undefined,
      limitWaitCounts: false,
      backpressure: undefined,
    };
    const wait = new AsyncWait(defects.options?.(options) ?? options);
    this.#wait = defects.operator?.(wait) ?? wait;
  }

  /** Runs to the end of the world. Throws BrokenRule. */
  async run(): Promise<void> {
    const { style, retry, attemptTimeoutMs, stalls } = this.#plan;
    const promises = style === 'async' || retry !== undefined || attemptTimeoutMs > 0;
    this.#clock.after(0, () => this.#arrive());
    for (;;) {
      this.#model.life.event++;
      this.#model.retry.jitter = this.#random.next();
      if (!this.#clock.step()) break;
      if (promises) await drainPromises();
      this.#check();
      if (this.#random.chance(stalls)) this.#clock.stall(this.#random.between(1, 50));
    }
    if (!this.#ended && !this.#aborted) this.#model.life.checkDues(Infinity);
    if (!this.#ended && !this.#aborted) this.#rules.broken('E1', 'no event is left, and the operator has not ended');
    this.#rules.raise();
  }

  #called(): void {
    this.#calls++;
    if (this.#calls >= this.#plan.abortAtCall) this.#abort();
  }

  #downstream() {
    const readable = (): boolean => this.#readable;
    return {
      get ready() {
        return readable();
      },
      emit: (output: FunctionOutcome<number>) => this.#emitted(output),
      emitBarrier: (barrier: Watermark) => this.#emitted(barrier),
      flush: () => {
        this.#unflushed = false;
      },
    };
  }

  #emitted(output: FunctionOutcome<number> | Watermark): void {
    this.#model.emitted(output);
    this.#unflushed = true;
    this.#progress.emitting(this.#model.lastLeft);
    this.#progress.emitted();
    if (this.#ended) this.#rules.broken('E1', 'an outcome was emitted after the end');
    if (this.#random.chance(1 / 32)) {
      this.#model.checkCheckpoint(this.#progress.checkpoint());
      const right = this.#checkpoints.checkpoint();
      const { next, pending } = this.#defects.checkpoint?.(right) ?? right;
      this.#model.checkCheckpoint({ next, pending: pending.map(({ seq }) => seq) });
    }
    this.#room--;
    if (this.#room > 0) return;
    this.#readable = false;
    this.#room = this.#nextRoom();
    this.#clock.after(Math.ceil(this.#random.next() * this.#plan.readerMs), () => {
      this.#readable = true;
      this.#wait.downstreamReady();
    });
  }

  #nextRoom(): number {
    return this.#random.chance(this.#plan.slowReader) ? this.#random.between(1, 3) : this.#random.between(1, 500);
  }

  #schedule(run: () => void): void {
    this.#runs++;
    this.#clock.after(0, () => {
      this.#runs--;
      run();
    });
  }

  #onRoom(): void {
    this.#rules.trace?.('room');
    if (!this.#waitsForRoom || this.#aborted)
      this.#rules.broken('C4', 'onRoom was called, but no record waits for room');
    if (this.#model.order.size >= this.#plan.capacity)
      this.#rules.broken('C2', 'onRoom was called, but every slot is taken');
    this.#waitsForRoom = false;
    if (this.#random.chance(0.5)) this.#arrive();
    else this.#clock.after(this.#random.between(0, 2), () => this.#arrive());
  }

  #onEnd(): void {
    this.#rules.trace?.('end');
    if (this.#ended || this.#aborted) this.#rules.broken('E1', 'onEnd was called a second time, or after the abort');
    if (!this.#inputOver || this.#model.order.size > 0)
      this.#rules.broken('E1', 'onEnd was called before everything was emitted');
    this.#ended = true;
  }

  #arrive(): void {
    if (this.#aborted) return;
    if (this.#offer(this.#random.between(1, 200))) {
      this.#clock.after(this.#random.between(0, this.#plan.arrivalMs), () => this.#arrive());
    }
  }

  /** Whether more may be offered later. */
  #offer(most: number): boolean {
    for (let offered = 0; offered < most && !this.#aborted; offered++) {
      const item = this.#refused ?? this.#items.next();
      if (item === undefined) {
        this.#clock.after(this.#random.between(0, 20), () => this.#end());
        return false;
      }
      if (this.#refused === undefined) this.#progress.read(Watermark.is(item) ? Number(item.value) : item.seq);
      this.#refused = item;
      const taken = Watermark.is(item) ? this.#wait.offerBarrier(item) : this.#wait.offer(item);
      if (!taken) {
        this.#waitsForRoom = !this.#aborted;
        if (this.#model.order.size < this.#plan.capacity && !this.#aborted)
          this.#rules.broken('C4', 'a record was refused, but a slot is free');
        return false;
      }
      this.#refused = undefined;
    }
    return true;
  }

  #end(): void {
    if (this.#aborted) return;
    this.#rules.trace?.('input ends');
    this.#inputOver = true;
    if (this.#plan.cutWaits) this.#model.retry.endedIn = this.#model.life.event;
    this.#wait.end(this.#plan.cutWaits);
  }

  #abort(): void {
    if (this.#aborted) return;
    this.#rules.trace?.('abort');
    this.#aborted = true;
    this.#model.life.aborted = true;
    this.#wait.abort(new Error('the client has left'));
  }

  #check(): void {
    const { life, order } = this.#model;
    const wait = this.#wait;
    this.#expect(life.calls <= this.#plan.capacity, 'C6', 'more calls run than there are slots');
    if (this.#aborted) {
      this.#expect(life.calls === 0 && life.hooks === 0, 'E2', 'a call runs on after the abort');
      this.#expect(this.#clock.timers === 0, 'E2', 'a timer is left after the abort');
      return this.#rules.raise();
    }
    const cut = this.#model.retry.endedIn !== undefined;
    this.#expect(!cut || life.retrying === 0, 'R6', 'a record waits after the end of the input');
    this.#expect(life.retrying <= wait.retryWaiting, 'R1', 'a record has a retry to come, and does not wait for it');
    this.#expect(
      life.retrying >= wait.retryWaiting,
      this.#model.retry.refusedBy,
      'a record waits for a retry it has not',
    );
    this.#expect(life.startable === 0, 'C1', 'a record might be attempted, and is not');
    this.#expect(life.unhooked === 0, 'T2', 'the time of a record ran out, and the hook was not asked');
    this.#expect(life.unheard === 0, 'P5', 'a record has its outcome, and its slot is not complete');
    this.#expect(wait.size === order.size, 'O4', `${wait.size} slots are taken, not ${order.size}`);
    this.#expect(life.active === wait.inFlight + wait.retryWaiting, 'C6', 'records in flight are counted wrong');
    this.#expect(this.#model.complete === wait.completedWaiting, 'C2', 'complete records are counted wrong');
    if (this.#withoutLayers)
      this.#expect(
        wait.lateCompletions === life.late,
        'P1',
        `${wait.lateCompletions} late completions, not ${life.late}`,
      );
    this.#checkProgress();
    this.#checkTimers();
    this.#rules.raise();
  }

  /** Checks that nothing stands still that could go on. */
  #checkProgress(): void {
    const { order } = this.#model;
    const held = this.#runs === 0 && this.#readable ? order.next : undefined;
    if (held !== undefined) this.#rules.broken(held, 'what could be emitted is held back');
    this.#expect(this.#runs > 0 || !this.#unflushed, 'O5', 'what was emitted is not flushed');
    const room = this.#runs === 0 && order.size < this.#plan.capacity;
    this.#expect(!room || !this.#waitsForRoom, 'C4', 'a slot is free, and the source was not told');
    this.#expect(
      !this.#inputOver || order.size > 0 || this.#runs > 0 || this.#ended,
      'E1',
      'all is emitted, and no end told',
    );
  }

  #checkTimers(): void {
    const { timeoutMs, attemptTimeoutMs } = this.#plan;
    const { life } = this.#model;
    const most = this.#ended ? 0 : Number(timeoutMs > 0) + Number(attemptTimeoutMs > 0) + life.retrying;
    this.#expect(this.#clock.timers <= most, 'T6', `${this.#clock.timers} timers are armed, ${most} are enough`);
    if (this.#clock.nextDue > this.#clock.now()) life.checkDues();
  }

  /** No layer stands between the function and the operator. */
  get #withoutLayers(): boolean {
    return this.#plan.retry === undefined && this.#plan.attemptTimeoutMs === 0;
  }

  #expect(holds: boolean, rule: string, what: string): void {
    if (!holds) this.#rules.broken(rule, what);
  }
}
