import { Fifo } from '../core/fifo.ts';
import type { StreamQueue } from './queue.ts';
import { BarrierSlot, RecordSlot, Segment, type Slot } from './slot.ts';
import type { Watermark } from './watermark.ts';

/**
 * Emits in order of completion, but nothing passes a watermark (semantics O2; Flink: UnorderedStreamElementQueue).
 *
 *     segments   [ 2 open, completed: b → a, ▮ ] [ 1 open, completed: d, ▮ ] [ 3 open ]
 *                  ▲ take                                                      ▲ tryPut
 *     slots      a ⇄ x ⇄ b ⇄ y ⇄ ▮ ⇄ z ⇄ d ⇄ ▮ ⇄ …          all, in order of admission
 *
 * Only the first segment is emitted from. Its watermark leaves when it has no open record and no completed one,
 * and the segment with it.
 */
export class UnorderedQueue<In, Out> implements StreamQueue<In, Out> {
  readonly capacity: number;
  readonly #segments = new Fifo<Segment<In, Out>>();
  #head = new Segment<In, Out>();
  #tail = this.#head;
  #oldest: Slot<In, Out> | undefined;
  #newest: Slot<In, Out> | undefined;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  get ready(): boolean {
    const { firstCompleted, open, barrier } = this.#head;
    return firstCompleted !== undefined || (open === 0 && barrier !== undefined);
  }

  tryPut(input: In): RecordSlot<In, Out> | undefined {
    if (this.#size >= this.capacity) return undefined;
    const slot = new RecordSlot<In, Out>(input);
    slot.segment = this.#tail;
    this.#tail.open++;
    this.#append(slot);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot<In, Out> | undefined {
    if (this.#size >= this.capacity) return undefined;
    const slot = new BarrierSlot<In, Out>(barrier);
    this.#tail.barrier = slot;
    this.#tail = new Segment();
    this.#segments.push(this.#tail);
    this.#append(slot);
    return slot;
  }

  complete(slot: RecordSlot<In, Out>, output: Out): undefined {
    slot.output = output;
    const segment = slot.segment;
    if (segment === undefined) return;
    segment.open--;
    if (segment.lastCompleted === undefined) segment.firstCompleted = slot;
    else segment.lastCompleted.nextCompleted = slot;
    segment.lastCompleted = slot;
  }

  take(): Slot<In, Out> | undefined {
    const segment = this.#head;
    const slot = segment.firstCompleted;
    if (slot !== undefined) {
      segment.firstCompleted = slot.nextCompleted;
      if (slot.nextCompleted === undefined) segment.lastCompleted = undefined;
      slot.nextCompleted = undefined;
      this.#remove(slot);
      return slot;
    }
    const barrier = segment.barrier;
    if (segment.open > 0 || barrier === undefined) return undefined;
    this.#head = this.#segments.shift() ?? this.#tail;
    this.#remove(barrier);
    return barrier;
  }

  *slots(): Generator<Slot<In, Out>> {
    for (let slot = this.#oldest; slot !== undefined; slot = slot.after) yield slot;
  }

  clear(): void {
    this.#segments.clear();
    this.#head = new Segment();
    this.#tail = this.#head;
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#size = 0;
  }

  #append(slot: Slot<In, Out>): void {
    slot.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = slot;
    else this.#newest.after = slot;
    this.#newest = slot;
    this.#size++;
  }

  #remove(slot: Slot<In, Out>): void {
    const { before, after } = slot;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    slot.before = undefined;
    slot.after = undefined;
    this.#size--;
  }
}
