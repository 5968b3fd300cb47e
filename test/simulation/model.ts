import { RecordError } from '../../src/core/errors.ts';
import type { Checkpoint } from '../../src/library/checkpoint/checkpoint.ts';
import { Failure } from '../../src/library/failure.ts';
import type { FunctionOutcome } from '../../src/library/invocation.ts';
import type { StreamQueue } from '../../src/operator/queues/queue.ts';
import { pending, type BarrierSlot, type RecordSlot, type Slot } from '../../src/operator/queues/slot.ts';
import { Watermark } from '../../src/operator/watermark.ts';
import { LifeModel, same } from './life-model.ts';
import { Line } from './line.ts';
import { nameOf, OrderModel } from './order-model.ts';
import type { Plan } from './plan.ts';
import { RecordState, type Produced } from './record-state.ts';
import { RetryModel } from './retry-model.ts';
import type { Rules } from './rules.ts';
import type { SimClock } from './sim-clock.ts';

export interface Input {
  readonly seq: number;
  readonly key: number;
  readonly body: { mark: number };
}

export type Queue = StreamQueue<Input, FunctionOutcome<number>>;

/** The name by which errors are compared. */
export function errorName(error: unknown): string {
  if (error instanceof RecordError && error.code !== 'function_error') return error.code;
  return error instanceof Error ? error.message : String(error);
}

function givenOf(output: FunctionOutcome<number>): Produced {
  return output instanceof Failure ? errorName(output.error) : output;
}

/** The start of a stream: the pending elements, and the element from which the source goes on. */
export type Start = Pick<Checkpoint<Input>, 'next' | 'pending'>;

/**
 * The reference: derives the correct behaviour from semantics.md and from the events of the world, not from the operator.
 *
 *     queue ──admitted, completed, taken──▶ model ◀──called, produced, cancelled── function
 */
export class Model {
  readonly plan: Plan;
  readonly rules: Rules;
  readonly order: OrderModel;
  readonly life: LifeModel;
  readonly retry: RetryModel;
  readonly #readable: () => boolean;
  /** Records that stand in the operator, in order of admission. */
  readonly records = new Map<number, RecordState>();
  readonly #resumed: readonly number[];
  #resumedAdmitted = 0;
  #nextAdmitted: number;
  #next: number;
  /** Records that are complete and not emitted. */
  complete = 0;
  taken = 0;
  lastLeft = -1;
  #leaving: FunctionOutcome<number> | Watermark | undefined;
  /** The numbers of the records that were taken since this was emptied. */
  log: number[] = [];
  /** Library: the values that the reader must receive next. */
  readonly toRead = new Line<number | Watermark>();
  /** Library: the error that ends the iteration. */
  failure: string | undefined;

  constructor(plan: Plan, clock: SimClock, rules: Rules, readable: () => boolean, start: Start) {
    this.plan = plan;
    this.rules = rules;
    this.order = new OrderModel(plan.mode, plan.capacity, rules);
    this.retry = new RetryModel(plan);
    this.life = new LifeModel(plan, clock, rules, this.retry);
    this.#readable = readable;
    this.#resumed = start.pending.map(({ seq }) => seq);
    this.#nextAdmitted = start.next;
    this.#next = start.next;
  }

  admitted(input: Input): void {
    this.rules.trace?.(`admitted ${input.seq}, key ${input.key}`);
    this.#inTurn(input.seq);
    const record = new RecordState(input.seq, input.key);
    this.records.set(input.seq, record);
    this.order.put(record);
    this.life.admitted(record);
  }

  watermark(seq: number): void {
    this.rules.trace?.(`admitted watermark ${seq}`);
    this.#inTurn(seq);
    this.order.put(seq);
  }

  completed(input: Input, output: FunctionOutcome<number>): void {
    this.rules.trace?.(`completed ${input.seq}: ${String(givenOf(output))}`);
    const record = this.records.get(input.seq);
    if (record === undefined) return this.rules.broken('P1', `record ${input.seq} was completed after it was emitted`);
    this.life.completed(record, givenOf(output));
    this.order.complete(record);
    this.complete++;
  }

  left(slot: Slot<Input, FunctionOutcome<number>>): void {
    const item = slot.barrier === undefined ? this.records.get(slot.input.seq) : Number(slot.barrier.value);
    this.rules.trace?.(`emitted ${item === undefined ? 'a stranger' : nameOf(item)}`);
    if (item === undefined) return this.rules.broken('O4', 'a record was emitted that has no slot in the operator');
    if (this.life.aborted) this.rules.broken('E2', `${nameOf(item)} was emitted after the abort`);
    if (!this.#readable()) this.rules.broken('C5', `${nameOf(item)} was emitted, but the reader was not ready`);
    const seq = typeof item === 'number' ? item : item.seq;
    if (seq >= this.#next) this.#next = seq + 1;
    this.lastLeft = seq;
    if (this.plan.level === 'library') this.#toReader(seq, slot);
    this.#leaving = slot.barrier;
    if (typeof item !== 'number' && slot.barrier === undefined) this.#recordLeft(item, slot.output);
    this.order.take(item);
  }

  /** Checks that the outcome that is emitted is the one that was taken out of the queue before. */
  emitted(output: FunctionOutcome<number> | Watermark): void {
    if (output !== this.#leaving)
      this.rules.broken('O4', 'the outcome that was emitted is not the one that was taken from the queue');
    this.#leaving = undefined;
    this.rules.raise();
  }

  /** E3: checks a checkpoint against the reference. */
  checkCheckpoint({ next, pending: open }: { readonly next: number; readonly pending: readonly number[] }): void {
    const expected: number[] = [];
    for (const [seq] of this.records) {
      if (seq >= this.#next) break;
      expected.push(seq);
    }
    expected.push(...this.#resumed.slice(this.#resumedAdmitted));
    if (next === this.#next && same(expected, open)) return;
    this.rules.broken(
      'E3',
      `the checkpoint says ${next} and [${open.join()}], not ${this.#next} and [${expected.join()}]`,
    );
  }

  #toReader(seq: number, slot: Slot<Input, FunctionOutcome<number>>): void {
    this.log.push(seq);
    if (slot.barrier !== undefined) this.toRead.push(slot.barrier);
    else if (slot.output instanceof Failure) {
      this.failure = errorName(slot.output.error);
      this.life.aborted = true;
    } else if (slot.output !== pending) for (const value of slot.output) this.toRead.push(value);
  }

  #recordLeft(record: RecordState, output: FunctionOutcome<number> | typeof pending): void {
    if (record.phase !== 'complete' || output === pending) {
      this.rules.broken('O4', `record ${record.seq} was emitted while ${record.phase}`);
      return;
    }
    if (record.outcome !== undefined && !same(record.outcome, givenOf(output))) {
      this.rules.broken(
        'P1',
        `record ${record.seq} came out as ${String(givenOf(output))}, not ${String(record.outcome)}`,
      );
    }
    record.phase = 'taken';
    this.records.delete(record.seq);
    this.#leaving = output;
    this.complete--;
    this.taken++;
  }

  #inTurn(seq: number): void {
    const expected = this.#resumed[this.#resumedAdmitted];
    if (expected === undefined) this.#nextAdmitted++;
    else this.#resumedAdmitted++;
    const right = expected ?? this.#nextAdmitted - 1;
    if (seq !== right) this.rules.broken('E4', `${seq} was admitted instead of ${right}`);
    if (this.life.aborted) this.rules.broken('E2', `${seq} was admitted after the abort`);
  }
}

/** The queue under test, which reports every call to the model. */
export class WatchedQueue implements Queue {
  readonly #queue: Queue;
  readonly #model: Model;

  constructor(queue: Queue, model: Model) {
    this.#queue = queue;
    this.#model = model;
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get size(): number {
    return this.#queue.size;
  }

  get ready(): boolean {
    return this.#queue.ready;
  }

  tryPut(input: Input): RecordSlot<Input, FunctionOutcome<number>> | undefined {
    const slot = this.#queue.tryPut(input);
    if (slot !== undefined) this.#model.admitted(input);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    const slot = this.#queue.tryPutBarrier(barrier);
    if (slot !== undefined) this.#model.watermark(Number(barrier.value));
    return slot;
  }

  complete(slot: RecordSlot<Input, FunctionOutcome<number>>, output: FunctionOutcome<number>) {
    this.#model.completed(slot.input, output);
    return this.#queue.complete(slot, output);
  }

  take(): Slot<Input, FunctionOutcome<number>> | undefined {
    const slot = this.#queue.take();
    if (slot !== undefined) this.#model.left(slot);
    return slot;
  }

  slots(): Iterable<Slot<Input, FunctionOutcome<number>>> {
    return this.#queue.slots();
  }

  clear(): void {
    this.#queue.clear();
  }
}
