import type { Cancellation } from '../core/call/call-context.ts';
import type { Timed } from '../core/time/deadlines.ts';
import type { Watermark } from './watermark.ts';

export const pending = Symbol('pending');

/**
 * A record's place in the operator, from admission to emission: the only object a record costs besides its attempt.
 *
 * It is its own link in every list it can stand in: the deadlines, the queue in order of admission,
 * the completed ones of its segment, and the records that wait for its key.
 */
export class RecordSlot<In, Out> implements Timed<RecordSlot<In, Out>> {
  readonly barrier = undefined;
  readonly input: In;
  /** The outcome; `pending` until the record is complete. */
  output: Out | typeof pending = pending;
  /** The token of the only attempt that may complete this record; undefined before the first and after completion. */
  attempt: Cancellation | undefined = undefined;
  /** How many records and barriers took a slot before it. */
  place = 0;
  admittedMs = 0;
  completedMs = 0;
  /** Bytes that are counted for it. */
  heldBytes = 0;

  due = 0;
  armed = false;
  sooner: RecordSlot<In, Out> | undefined = undefined;
  later: RecordSlot<In, Out> | undefined = undefined;

  before: Slot<In, Out> | undefined = undefined;
  after: Slot<In, Out> | undefined = undefined;
  segment: Segment<In, Out> | undefined = undefined;
  nextCompleted: RecordSlot<In, Out> | undefined = undefined;

  /** False while an earlier record of the same key is being attempted. */
  mayStart = true;
  key: string | undefined = undefined;
  nextOfKey: RecordSlot<In, Out> | undefined = undefined;

  constructor(input: In) {
    this.input = input;
  }
}

/** The place of a watermark: complete from the start, emitted when everything before it is. */
export class BarrierSlot<In, Out> {
  readonly barrier: Watermark;
  /** Bytes that are counted for it. */
  heldBytes = 0;
  before: Slot<In, Out> | undefined = undefined;
  after: Slot<In, Out> | undefined = undefined;

  constructor(barrier: Watermark) {
    this.barrier = barrier;
  }
}

export type Slot<In, Out> = RecordSlot<In, Out> | BarrierSlot<In, Out>;

/** The records between two watermarks, and the watermark that closes them (Flink: Segment, Epoch). */
export class Segment<In, Out> {
  /** Records that are not complete. */
  open = 0;
  firstCompleted: RecordSlot<In, Out> | undefined = undefined;
  lastCompleted: RecordSlot<In, Out> | undefined = undefined;
  barrier: BarrierSlot<In, Out> | undefined = undefined;
}
