import type { Cancellation } from '../../core/call/cancellation.ts';
import type { Timed } from '../../core/time/deadlines.ts';
import type { Watermark } from '../watermark.ts';

export const pending = Symbol('pending');

/**
 * The slot of a record, from admission to emission: the only object that a record costs besides its attempt.
 *
 * The operator needs these members in every mode. Each queue has a class of its own that adds others (links of its own,
 * a key), so that all slots of one queue have one shape. The classes repeat these members instead of inheriting them:
 * with a base class, the unordered operator alone is 9 to 13 % slower in V8 of Node.js 24.
 */
export interface RecordSlot<In, Out> extends Timed<RecordSlot<In, Out>> {
  readonly barrier: undefined;
  readonly input: In;
  /** The outcome; `pending` until the record is complete. */
  output: Out | typeof pending;
  /** The token of the only attempt that may complete this record; undefined before the first and after completion. */
  attempt: Cancellation | undefined;
  /** How many records and barriers took a slot before it. */
  number: number;
  admittedMs: number;
  completedMs: number;
  /** Bytes that are counted for it. */
  heldBytes: number;
  /** Whether the record may be attempted at its admission. If not, the queue returns it from a later `complete`. */
  readonly mayStart: boolean;
}

/** The slot of a watermark: complete from the start, emitted when everything before it is. */
export class BarrierSlot {
  readonly barrier: Watermark;
  /** How many records and barriers took a slot before it. */
  number = 0;
  /** Bytes that are counted for it. */
  heldBytes = 0;

  constructor(barrier: Watermark) {
    this.barrier = barrier;
  }
}

export type Slot<In, Out> = RecordSlot<In, Out> | BarrierSlot;
