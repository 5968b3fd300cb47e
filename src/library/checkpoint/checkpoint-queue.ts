import type { StreamQueue } from '../../operator/queue.ts';
import type { BarrierSlot, RecordSlot, Slot } from '../../operator/slot.ts';
import type { Watermark } from '../../operator/watermark.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * A queue that knows the index of what stands in it.
 *
 *     resumed   [ 3 | 7 ]  then the source:  [ 9 ▸ 10 ▸ 11 ▸ … ]       indices, in order of admission
 *     #open     3 ▸ 7 ▸ 9 ▸ 11                                         admitted, not taken
 *     #next     11      one more than the highest that was taken, at least `resumed.next`
 *     checkpoint   { next: 11, pending: 3, 7, 9 }
 *
 * Elements come in the order of their index, so the open ones are ascending, and those below `next` are their head.
 * No record passes a watermark, so a watermark is never below `next` and open.
 */
export class CheckpointQueue<In, Out> implements StreamQueue<In, Out> {
  readonly #slots: StreamQueue<In, Out>;
  readonly #resumed: Checkpoint<In>['pending'];
  readonly #open = new Map<Slot<In, Out>, number>();
  #resumedAdmitted = 0;
  #nextAdmitted: number;
  #next: number;
  #taken = 0;

  constructor(slots: StreamQueue<In, Out>, resumed: Checkpoint<In>) {
    this.#slots = slots;
    this.#resumed = resumed.pending;
    this.#nextAdmitted = resumed.next;
    this.#next = resumed.next;
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
    return this.#admit(this.#slots.tryPut(input));
  }

  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined {
    return this.#admit(this.#slots.tryPutBarrier(barrier));
  }

  complete(slot: RecordSlot<In, Out>, output: Out): RecordSlot<In, Out> | undefined {
    return this.#slots.complete(slot, output);
  }

  take(): Slot<In, Out> | undefined {
    const slot = this.#slots.take();
    if (slot === undefined) return undefined;
    const seq = this.#open.get(slot) ?? 0;
    this.#open.delete(slot);
    if (seq >= this.#next) this.#next = seq + 1;
    if (slot.barrier === undefined) this.#taken++;
    return slot;
  }

  slots(): Iterable<Slot<In, Out>> {
    return this.#slots.slots();
  }

  clear(): void {
    this.#slots.clear();
    this.#open.clear();
  }

  checkpoint(): Checkpoint<In> {
    this.#taken = 0;
    const pending: { seq: number; input: In }[] = [];
    for (const [slot, seq] of this.#open) {
      if (seq >= this.#next) break;
      if (slot.barrier === undefined) pending.push({ seq, input: slot.input });
    }
    return { next: this.#next, pending: [...pending, ...this.#resumed.slice(this.#resumedAdmitted)] };
  }

  #admit<Admitted extends Slot<In, Out>>(slot: Admitted | undefined): Admitted | undefined {
    if (slot === undefined) return undefined;
    const resumed = this.#resumed[this.#resumedAdmitted];
    if (resumed === undefined) this.#open.set(slot, this.#nextAdmitted++);
    else {
      this.#resumedAdmitted++;
      this.#open.set(slot, resumed.seq);
    }
    return slot;
  }
}
