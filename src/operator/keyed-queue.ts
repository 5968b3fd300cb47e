import type { StreamQueue } from './queue.ts';
import type { BarrierSlot, RecordSlot, Slot } from './slot.ts';
import { UnorderedQueue } from './unordered-queue.ts';
import type { Watermark } from './watermark.ts';

/**
 * Emits in order of completion, and starts the records of one key one at a time (semantics O3; Flink: keyed async wait).
 *
 *     newestOfKey   k ──▶ c         slots of k:  a (running) → b (waits) → c (waits)      nextOfKey
 *                   m ──▶ d                      d (running)
 *
 * One at a time in order of input means complete in order of input, so the unordered queue beneath keeps each key's
 * order, and the watermarks, by itself. A key is forgotten when its newest record is complete.
 */
export class KeyedQueue<In, Out> implements StreamQueue<In, Out> {
  readonly #slots: UnorderedQueue<In, Out>;
  readonly #keyOf: (input: In) => string | undefined;
  readonly #newestOfKey = new Map<string, RecordSlot<In, Out>>();

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

  /** Keys that have a record which is not complete. */
  get keys(): number {
    return this.#newestOfKey.size;
  }

  tryPut(input: In): RecordSlot<In, Out> | undefined {
    const slot = this.#slots.tryPut(input);
    if (slot === undefined) return undefined;
    const key = this.#keyOf(input);
    if (key === undefined) return slot;
    slot.key = key;
    const earlier = this.#newestOfKey.get(key);
    if (earlier !== undefined) {
      earlier.nextOfKey = slot;
      slot.mayStart = false;
    }
    this.#newestOfKey.set(key, slot);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot<In, Out> | undefined {
    return this.#slots.tryPutBarrier(barrier);
  }

  complete(slot: RecordSlot<In, Out>, output: Out): RecordSlot<In, Out> | undefined {
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
