import type { StreamQueue } from '../../operator/queues/queue.ts';
import type { BarrierSlot, RecordSlot, Slot } from '../../operator/queues/slot.ts';
import type { Watermark } from '../../operator/watermark.ts';
import { BarrierLine } from './barrier-line.ts';
import type { Entry } from '../record/entry.ts';
import type { Outcome } from '../record/outcome.ts';

type RecordsQueue = StreamQueue<Entry, Outcome>;

/** A queue that reports the line number of each slot that is taken out, just before it is emitted. */
export class TrackedQueue implements RecordsQueue {
  readonly #queue: RecordsQueue;
  readonly #beforeEmit: (seq: number) => void;

  constructor(queue: RecordsQueue, beforeEmit: (seq: number) => void) {
    this.#queue = queue;
    this.#beforeEmit = beforeEmit;
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

  tryPut(input: Entry): RecordSlot<Entry, Outcome> | undefined {
    return this.#queue.tryPut(input);
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    return this.#queue.tryPutBarrier(barrier);
  }

  complete(slot: RecordSlot<Entry, Outcome>, output: Outcome): RecordSlot<Entry, Outcome> | undefined {
    return this.#queue.complete(slot, output);
  }

  take(): Slot<Entry, Outcome> | undefined {
    const slot = this.#queue.take();
    if (slot === undefined) return undefined;
    if (slot.barrier === undefined) this.#beforeEmit(slot.input.seq);
    else if (slot.barrier instanceof BarrierLine) this.#beforeEmit(slot.barrier.seq);
    return slot;
  }

  slots(): Iterable<Slot<Entry, Outcome>> {
    return this.#queue.slots();
  }

  clear(): void {
    this.#queue.clear();
  }
}
