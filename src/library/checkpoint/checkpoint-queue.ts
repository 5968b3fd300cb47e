import { Progress } from '../../operator/progress.ts';
import type { StreamQueue } from '../../operator/queues/queue.ts';
import type { BarrierSlot, RecordSlot, Slot } from '../../operator/queues/slot.ts';
import type { Watermark } from '../../operator/watermark.ts';
import { seqOf, type Checkpoint } from './checkpoint.ts';

/**
 * A queue that also keeps, for a checkpoint, the progress in the source and the inputs of the records that were not taken.
 *
 *     resumed     [ 3 | 7 ]  then the source:  [ 9 ▸ 10 ▸ 11 ▸ … ]     indices, in order of admission
 *     inputs      3 ▸ 7 ▸ 9 ▸ 11                                       by index: of records that were not taken
 *     progress    next 11, pending 3, 7, 9
 *
 * No record passes a watermark, so a watermark is never pending.
 */
export class CheckpointQueue<In, Out> implements StreamQueue<In, Out> {
  readonly #slots: StreamQueue<In, Out>;
  readonly #resumed: Checkpoint<In>;
  readonly #progress: Progress;
  readonly #inputs = new Map<number, In>();
  /** Slots taken so far, those that are free again included. */
  #slotsTaken = 0;
  #taken = 0;

  constructor(slots: StreamQueue<In, Out>, resumed: Checkpoint<In>) {
    this.#slots = slots;
    this.#resumed = resumed;
    this.#progress = new Progress(resumed.next);
    this.#progress.resume({ next: resumed.next, pending: resumed.pending.map(({ seq }) => seq) });
    for (const { seq, input } of resumed.pending) this.#inputs.set(seq, input);
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

  /** Records taken since the last checkpoint; watermarks are not counted. */
  get taken(): number {
    return this.#taken;
  }

  tryPut(input: In): RecordSlot<In, Out> | undefined {
    const slot = this.#slots.tryPut(input);
    if (slot !== undefined) this.#inputs.set(this.#admitted(), input);
    return slot;
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    const slot = this.#slots.tryPutBarrier(barrier);
    if (slot !== undefined) this.#admitted();
    return slot;
  }

  complete(slot: RecordSlot<In, Out>, output: Out): RecordSlot<In, Out> | undefined {
    return this.#slots.complete(slot, output);
  }

  take(): Slot<In, Out> | undefined {
    const slot = this.#slots.take();
    if (slot === undefined) return undefined;
    const seq = seqOf(this.#resumed, slot.number);
    this.#progress.emitting(seq);
    this.#progress.emitted();
    this.#inputs.delete(seq);
    if (slot.barrier === undefined) this.#taken++;
    return slot;
  }

  slots(): Iterable<Slot<In, Out>> {
    return this.#slots.slots();
  }

  clear(): void {
    this.#slots.clear();
    this.#inputs.clear();
  }

  checkpoint(): Checkpoint<In> {
    this.#taken = 0;
    const { next, pending } = this.#progress.checkpoint();
    // Every pending element is a record, whose input is kept until it is taken.
    return { next, pending: pending.map((seq) => ({ seq, input: this.#inputs.get(seq) as In })) };
  }

  /** Counts a slot, and returns the index of its element. */
  #admitted(): number {
    const seq = seqOf(this.#resumed, this.#slotsTaken++);
    this.#progress.read(seq);
    return seq;
  }
}
