import type { BarrierSlot, RecordSlot, Slot } from './slot.ts';
import type { Watermark } from '../watermark.ts';

/**
 * Holds slots between admission and emission. A queue is passive: it decides which slot is emitted next and which may
 * start, and never waits, calls or times anything. Every operation is O(1).
 *
 * A queue makes its slots itself, of a class of its own, and gets back only those: its `complete` may name that class.
 */
export interface StreamQueue<In, Out> {
  readonly capacity: number;
  /** Slots that are taken: by records that run or wait, by completed records that were not yet taken out, by watermarks. */
  readonly size: number;
  /** Whether `take` would return a slot. */
  readonly ready: boolean;
  /** A slot at the end, which may be started if its `mayStart` is true; undefined if all slots are taken. */
  tryPut(input: In): RecordSlot<In, Out> | undefined;
  tryPutBarrier(barrier: Watermark): BarrierSlot | undefined;
  /** Marks the slot complete; called once for each slot. Returns a slot that may be started from now on, if there is one. */
  complete(slot: RecordSlot<In, Out>, output: Out): RecordSlot<In, Out> | undefined;
  /** Takes out the slot that is emitted next; undefined while none may be emitted. */
  take(): Slot<In, Out> | undefined;
  /** All slots, in order of admission. */
  slots(): Iterable<Slot<In, Out>>;
  clear(): void;
}
