import type { Cancellation } from '../../core/call/cancellation.ts';
import { Fifo } from '../../core/fifo.ts';
import type { StreamQueue } from './queue.ts';
import { BarrierSlot, pending, type RecordSlot } from './slot.ts';
import type { Watermark } from '../watermark.ts';

/** A slot in the list of all slots in order of admission and, once complete, in the list of its segment. */
export class UnorderedSlot<In, Out> implements RecordSlot<In, Out> {
  readonly barrier = undefined;
  readonly input: In;
  output: Out | typeof pending = pending;
  attempt: Cancellation | undefined = undefined;
  number = 0;
  admittedMs = 0;
  completedMs = 0;
  heldBytes = 0;
  due = 0;
  armed = false;
  sooner: RecordSlot<In, Out> | undefined = undefined;
  later: RecordSlot<In, Out> | undefined = undefined;

  before: LinkedSlot<In, Out> | undefined = undefined;
  after: LinkedSlot<In, Out> | undefined = undefined;
  segment: Segment<In, Out> | undefined = undefined;
  nextCompleted: UnorderedSlot<In, Out> | undefined = undefined;

  constructor(input: In) {
    this.input = input;
  }

  get mayStart(): boolean {
    return true;
  }
}

class UnorderedBarrier<In, Out> extends BarrierSlot {
  before: LinkedSlot<In, Out> | undefined = undefined;
  after: LinkedSlot<In, Out> | undefined = undefined;
}

export type LinkedSlot<In, Out> = UnorderedSlot<In, Out> | UnorderedBarrier<In, Out>;

/** The records between two watermarks, and the watermark that closes them (Flink: Segment, Epoch). */
export class Segment<In, Out> {
  /** Records that are not complete. */
  incomplete = 0;
  firstCompleted: UnorderedSlot<In, Out> | undefined = undefined;
  lastCompleted: UnorderedSlot<In, Out> | undefined = undefined;
  barrier: UnorderedBarrier<In, Out> | undefined = undefined;
}

/**
 * Emits in order of completion, but no record passes a watermark (semantics O2; Flink: UnorderedStreamElementQueue).
 *
 *     segments   [ 2 incomplete, completed: b → a, ▮ ] [ 1 incomplete, completed: d, ▮ ] [ 3 incomplete ]
 *                  ▲ take                                                                  ▲ tryPut
 *     slots      a ⇄ x ⇄ b ⇄ y ⇄ ▮ ⇄ z ⇄ d ⇄ ▮ ⇄ …          all, in order of admission
 *
 * Only records of the first segment are emitted. When that segment has neither an incomplete nor a completed record, its
 * watermark is emitted and the segment removed.
 */
export class UnorderedQueue<In, Out> implements StreamQueue<In, Out> {
  readonly capacity: number;
  readonly #segments = new Fifo<Segment<In, Out>>();
  #head = new Segment<In, Out>();
  #tail = this.#head;
  #oldest: LinkedSlot<In, Out> | undefined;
  #newest: LinkedSlot<In, Out> | undefined;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  get ready(): boolean {
    const { firstCompleted, incomplete, barrier } = this.#head;
    return firstCompleted !== undefined || (incomplete === 0 && barrier !== undefined);
  }

  tryPut(input: In): UnorderedSlot<In, Out> | undefined {
    if (this.#size >= this.capacity) return undefined;
    const slot = new UnorderedSlot<In, Out>(input);
    this.put(slot);
    return slot;
  }

  /** Puts a slot at the end, for a queue that makes slots of a class of its own. Only while `size` is below `capacity`. */
  put(slot: UnorderedSlot<In, Out>): void {
    slot.segment = this.#tail;
    this.#tail.incomplete++;
    this.#append(slot);
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    if (this.#size >= this.capacity) return undefined;
    const slot = new UnorderedBarrier<In, Out>(barrier);
    this.#tail.barrier = slot;
    this.#tail = new Segment();
    this.#segments.push(this.#tail);
    this.#append(slot);
    return slot;
  }

  complete(slot: UnorderedSlot<In, Out>, output: Out): undefined {
    slot.output = output;
    const segment = slot.segment;
    if (segment === undefined) return;
    segment.incomplete--;
    if (segment.lastCompleted === undefined) segment.firstCompleted = slot;
    else segment.lastCompleted.nextCompleted = slot;
    segment.lastCompleted = slot;
  }

  take(): LinkedSlot<In, Out> | undefined {
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
    if (segment.incomplete > 0 || barrier === undefined) return undefined;
    this.#head = this.#segments.shift() ?? this.#tail;
    this.#remove(barrier);
    return barrier;
  }

  *slots(): Generator<LinkedSlot<In, Out>> {
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

  #append(slot: LinkedSlot<In, Out>): void {
    slot.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = slot;
    else this.#newest.after = slot;
    this.#newest = slot;
    this.#size++;
  }

  #remove(slot: LinkedSlot<In, Out>): void {
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
