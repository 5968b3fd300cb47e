import { getEventListeners } from 'node:events';
import { iterate } from '../../src/library/iterate.ts';
import { keyReader } from '../../src/library/wait.ts';
import type { WaitResults } from '../../src/library/wait-results.ts';
import { settingsOf } from '../../src/library/options/wait-options.ts';
import { Watermark } from '../../src/operator/watermark.ts';
import { faultyFunction } from './faulty-function.ts';
import { errorValue } from './life-model.ts';
import { errorName, Model, WatchedQueue, type Input, type Start } from './model.ts';
import { drainPromises } from './operator-round.ts';
import { queueOf, strategyOf, type Defects } from './parts.ts';
import type { Plan } from './plan.ts';
import type { SeededRandom } from './random.ts';
import type { Rules } from './rules.ts';
import { SimClock } from './sim-clock.ts';
import { SimSource } from './sim-source.ts';

export interface StreamOptions {
  readonly plan: Plan;
  readonly rules: Rules;
  readonly random: SeededRandom;
  readonly start: Start;
  /** Values that are read before the stream is cut. */
  readonly cutAfter: number;
  readonly defects: Defects;
}

type Value = number | Watermark;

/** One iteration of the library: a source, a reader, and the faults of both. */
export class LibraryStream {
  readonly #plan: Plan;
  readonly #rules: Rules;
  readonly #random: SeededRandom;
  readonly #clock: SimClock;
  readonly #model: Model;
  readonly #source: SimSource;
  readonly #results: WaitResults<Value>;
  readonly #controller = new AbortController();
  readonly #cutAfter: number;
  #count: (log: readonly number[]) => void = () => {};
  checkpoint: Start;
  /** Calls of `next` that are not answered. */
  #waiting = 0;
  #started = false;
  #read = 0;
  #calls = 0;
  #finished: 'complete' | 'failed' | undefined;

  constructor({ plan, rules, random, start, cutAfter, defects }: StreamOptions) {
    this.#plan = plan;
    this.#rules = rules;
    this.#random = random;
    this.#cutAfter = cutAfter;
    this.checkpoint = start;
    const clock = new SimClock(random);
    this.#clock = clock;
    const model: Model = new Model(plan, clock, rules, () => this.#waiting > model.toRead.size, start);
    this.#model = model;
    this.#source = new SimSource(plan, random, clock, model, start);
    const right = queueOf(plan);
    const queue = new WatchedQueue(defects.queue?.(right, plan, clock) ?? right, model);
    const strategy = strategyOf(plan, model);
    const settings = settingsOf<Input, number>(
      { name: 'simulation', keyed: false, retried: strategy !== undefined },
      {
        timeout: plan.timeoutMs,
        capacity: plan.capacity,
        clock,
        signal: this.#controller.signal,
        checkpointEvery: plan.checkpointEvery,
        endOfInput: plan.cutWaits ? 'lastAttempt' : 'finishRetries',
        resumeFrom: start,
        ...(strategy === undefined ? {} : { retryStrategy: strategy }),
        ...(plan.failFast ? {} : { onError: (_, { seq }) => [errorValue(seq)] }),
        onCheckpoint: (checkpoint) => this.#checkpointed(defects.checkpoint?.(checkpoint) ?? checkpoint),
      },
    );
    const { guard } = keyReader('simulation', ({ key }: Input) => `key ${key}`);
    const fn = faultyFunction({ plan, clock, random, model, onCall: () => this.#called() });
    this.#results = iterate<Input | Watermark, number>(
      this.#source.asSource(),
      defects.fn?.(fn) ?? fn,
      { ...settings, guard: plan.mode === 'keyed' ? guard : undefined },
      queue,
    );
  }

  /** Runs to the end of its world; `count` is called with the elements whose delivery is final. Throws BrokenRule. */
  async run(count: (log: readonly number[]) => void): Promise<'complete' | 'aborted' | 'cut'> {
    this.#count = count;
    this.#clock.after(0, () => this.#ask());
    for (;;) {
      this.#model.life.event++;
      this.#model.retry.jitter = this.#random.next();
      if (!this.#clock.step()) break;
      await drainPromises();
      this.#check();
      if (this.#random.chance(this.#plan.stalls)) this.#clock.stall(this.#random.between(1, 50));
    }
    const { life } = this.#model;
    if (this.#finished === 'complete') {
      this.#giveLog();
      return 'complete';
    }
    if (!life.aborted) this.#rules.broken('E1', 'no event is left, and the iteration has not ended');
    this.#rules.raise();
    return this.#read >= this.#cutAfter ? 'cut' : 'aborted';
  }

  #called(): void {
    this.#calls++;
    if (this.#calls === this.#plan.abortAtCall) this.#abort();
  }

  #ask(): void {
    if (this.#model.life.aborted || this.#finished !== undefined) return;
    if (this.#read >= this.#cutAfter) {
      if (this.#random.chance(0.5)) return this.#leave();
      return this.#abort();
    }
    const most = this.#random.chance(0.1) ? 3 : 1;
    for (let next = this.#waiting; next < most; next++) {
      this.#waiting++;
      this.#started = true;
      this.#results.next().then(
        (result) => this.#answered(result),
        (error: unknown) => this.#failed(error),
      );
    }
  }

  #answered(result: IteratorResult<Value, undefined>): void {
    this.#waiting--;
    const expected = this.#model.toRead.shift();
    if (result.done === true) {
      this.#rules.trace?.('the reader receives the end');
      if (expected !== undefined) this.#rules.broken('O4', 'the end came before a result');
      const { aborted } = this.#model.life;
      const early = this.#model.order.size > 0 || !this.#source.over;
      if (early && !aborted) this.#rules.broken('E1', 'the iteration ended before everything was emitted');
      this.#finished ??= 'complete';
      return;
    }
    this.#read++;
    if (expected === undefined || result.value !== expected) {
      this.#rules.broken('O4', `the reader received ${JSON.stringify(result.value)}, not ${JSON.stringify(expected)}`);
    }
    if (this.#waiting > 0) return;
    const { slowReader, readerMs } = this.#plan;
    if (this.#random.chance(slowReader)) this.#clock.after(this.#random.between(0, readerMs), () => this.#ask());
    else if (this.#random.chance(0.9)) this.#ask();
    else this.#clock.after(0, () => this.#ask());
  }

  #failed(error: unknown): void {
    this.#waiting--;
    const name = errorName(error);
    this.#rules.trace?.(`the reader receives ${name}`);
    const right = this.#model.failure ?? (this.#model.life.aborted ? 'gone' : undefined);
    if (name !== right)
      this.#rules.broken(this.#model.life.aborted ? 'E2' : 'P5', `the reader was thrown ${name}, not ${right}`);
    this.#finished ??= 'failed';
  }

  #checkpointed({ next, pending }: Start): void {
    if (this.#model.life.aborted) this.#rules.broken('E2', 'onCheckpoint was called after the abort');
    if (this.#model.toRead.size > 0 && this.#waiting <= 1)
      this.#rules.broken('E3', 'a checkpoint counts a result that the reader has not received');
    this.#model.checkCheckpoint({ next, pending: pending.map(({ seq }) => seq) });
    this.checkpoint = { next, pending };
    this.#giveLog();
  }

  #giveLog(): void {
    this.#count(this.#model.log);
    this.#model.log = [];
  }

  #abort(): void {
    if (this.#model.life.aborted || this.#finished !== undefined) return;
    this.#rules.trace?.('abort');
    this.#model.life.aborted = true;
    this.#controller.abort(new Error('gone'));
  }

  #leave(): void {
    this.#rules.trace?.('leave');
    this.#model.life.aborted = true;
    this.#results.return().catch((error: unknown) => this.#rules.broken('E2', `leaving failed: ${errorName(error)}`));
  }

  #check(): void {
    const { life, order, retry, toRead } = this.#model;
    const { capacity, timeoutMs } = this.#plan;
    this.#expect(this.#source.unruly === undefined, 'C4', this.#source.unruly ?? '');
    this.#expect(life.calls <= capacity, 'C6', 'more calls run than there are slots');
    if (life.aborted || this.#finished !== undefined) {
      this.#expect(life.calls === 0 && life.hooks === 0, 'E2', 'a call runs on after the end');
      this.#expect(this.#clock.timers === 0, 'T6', 'a timer is left after the end');
      this.#expect(
        !this.#started || this.#source.over || this.#source.released === 1,
        'E2',
        'the source is not released',
      );
      this.#expect(getEventListeners(this.#controller.signal, 'abort').length === 0, 'E2', 'a listener is left');
      this.#expect(this.#waiting === 0, 'E2', 'the reader was left waiting');
      return this.#rules.raise();
    }
    this.#expect(retry.endedIn === undefined || life.retrying === 0, 'R6', 'a record waits after the end of the input');
    this.#expect(life.startable === 0, 'C1', 'a record might be attempted, and is not');
    this.#expect(life.unhooked === 0, 'T2', 'the time of a record ran out, and the hook was not asked');
    this.#expect(life.unheard === 0, 'P5', 'a record has its outcome, and its slot is not complete');
    if (this.#waiting > 0) {
      this.#expect(toRead.size === 0, 'O4', 'a result that was emitted was not delivered to the reader');
      this.#expect(order.next === undefined, order.next ?? '', 'what could be emitted is held back');
      this.#expect(!this.#source.over || order.size > 0, 'E1', 'all is emitted, and the reader is not told the end');
    }
    const room = this.#started && order.size < capacity;
    this.#expect(!room || this.#source.asked || this.#source.over, 'C4', 'a slot is free, and the source is not asked');
    const most = Number(timeoutMs > 0) + life.retrying;
    this.#expect(this.#clock.timers <= most, 'T6', `${this.#clock.timers} timers are armed, ${most} are enough`);
    if (this.#clock.nextDue > this.#clock.now()) life.checkDues();
    this.#rules.raise();
  }

  #expect(holds: boolean, rule: string, what: string): void {
    if (!holds) this.#rules.broken(rule, what);
  }
}
