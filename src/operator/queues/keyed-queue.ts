import type { StreamQueue } from './queue.ts';
import type { Cancellation } from '../../core/call/cancellation.ts';
import { pending, type BarrierSlot, type RecordSlot, type Slot } from './slot.ts';
import { UnorderedQueue, type LinkedSlot, type Segment, type UnorderedSlot } from './unordered-queue.ts';
import type { Watermark } from '../watermark.ts';

/** A slot of the unordered queue that is also in the list of the records of its key. */
class KeyedSlot<In, Out> implements UnorderedSlot<In, Out> {
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

  readonly key: string | undefined;
  /** False while an earlier record of the same key is being attempted. */
  mayStart = true;
  nextOfKey: KeyedSlot<In, Out> | undefined = undefined;

  constructor(input: In, key: string | undefined) {
    this.input = input;
    this.key = key;
  }
}

/**
 * Emits in order of completion, and starts the records of one key one at a time (semantics O3; Flink: keyed async wait).
 *
 *     newestOfKey   k ──▶ c         slots of k:  a (running) → b (waits) → c (waits)      nextOfKey
 *                   m ──▶ d                      d (running)
 *
 * The records of a key run one at a time in order of input, so they complete in order of input, and the unordered queue
 * beneath keeps the order of each key, and the watermarks. A key is removed when its newest record is complete.
 */
export class KeyedQueue<In, Out> implements StreamQueue<In, Out> {
  readonly #slots: UnorderedQueue<In, Out>;
  readonly #keyOf: (input: In) => string | undefined;
  readonly #newestOfKey = new Map<string, KeyedSlot<In, Out>>();

  /** `keyOf` must not throw. A record without a key (undefined) waits for no other. */
  constructor(capacity: number, keyOf: (input: In) => string | undefined) {
    this.#slots = new UnorderedQueue(capacity);
    this.#keyOf = keyOf;
  }

  get capacity(): number {
    return this.#slots.capacity;
  }

  get size(): number {
    return this.#slots.size;
  }

  get ready(): boolean {
    return this.#slots.ready;
  }

  /** How many keys have a record that is not complete. */
  get keys(): number {
    return this.#newestOfKey.size;
  }

  tryPut(input: In): KeyedSlot<In, Out> | undefined {
    if (this.#slots.size >= this.#slots.capacity) return undefined;
    const key = this.#keyOf(input);
    const slot = new KeyedSlot<In, Out>(input, key);
    this.#slots.put(slot);
    if (key === undefined) return slot;
    const earlier = this.#newestOfKey.get(key);
    if (earlier !== undefined) {
      earlier.nextOfKey = slot;
      slot.mayStart = false;
    }
    this.#newestOfKey.set(key, slot);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    return this.#slots.tryPutBarrier(barrier);
  }

  complete(slot: KeyedSlot<In, Out>, output: Out): KeyedSlot<In, Out> | undefined {
    this.#slots.complete(slot, output);
    const next = slot.nextOfKey;
    slot.nextOfKey = undefined;
    if (next !== undefined) next.mayStart = true;
    else if (slot.key !== undefined) this.#newestOfKey.delete(slot.key);
    return next;
  }

  take(): Slot<In, Out> | undefined {
    return this.#slots.take();
  }

  slots(): Iterable<Slot<In, Out>> {
    return this.#slots.slots();
  }

  clear(): void {
    this.#slots.clear();
    this.#newestOfKey.clear();
  }
}
