import type { Cancellation } from '../../core/call/cancellation.ts';
import { Fifo } from '../../core/fifo.ts';
import type { StreamQueue } from './queue.ts';
import { BarrierSlot, pending, type RecordSlot, type Slot } from './slot.ts';
import type { Watermark } from '../watermark.ts';

class OrderedSlot<In, Out> implements RecordSlot<In, Out> {
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

  constructor(input: In) {
    this.input = input;
  }

  get mayStart(): boolean {
    return true;
  }
}

/**
 * Emits in order of admission (semantics O1; Flink: OrderedStreamElementQueue).
 *
 *     take ◀── [ done | done | running | done | ▮ | running ] ◀── tryPut
 *
 * Only the head is emitted. A record that is complete behind one that runs keeps its slot.
 */
export class OrderedQueue<In, Out> implements StreamQueue<In, Out> {
  readonly capacity: number;
  readonly #slots = new Fifo<Slot<In, Out>>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#slots.size;
  }

  get ready(): boolean {
    const head = this.#slots.peek();
    return head !== undefined && (head.barrier !== undefined || head.output !== pending);
  }

  tryPut(input: In): OrderedSlot<In, Out> | undefined {
    if (this.#slots.size >= this.capacity) return undefined;
    const slot = new OrderedSlot<In, Out>(input);
    this.#slots.push(slot);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    if (this.#slots.size >= this.capacity) return undefined;
    const slot = new BarrierSlot(barrier);
    this.#slots.push(slot);
    return slot;
  }

  complete(slot: OrderedSlot<In, Out>, output: Out): undefined {
    slot.output = output;
  }

  take(): Slot<In, Out> | undefined {
    return this.ready ? this.#slots.shift() : undefined;
  }

  slots(): Iterable<Slot<In, Out>> {
    return this.#slots;
  }

  clear(): void {
    this.#slots.clear();
  }
}
