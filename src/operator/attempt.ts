import { Cancellation, type InputEnd } from '../core/call-context.ts';
import type { RecordSlot } from './slot.ts';

/** What an attempt tells its operator. */
export interface AttemptEnds<In, Out> {
  complete(slot: RecordSlot<In, Out> | undefined, attempt: Attempt<In, Out>, output: Out): void;
  fail(slot: RecordSlot<In, Out> | undefined, attempt: Attempt<In, Out>, error: unknown): void;
  retryWaiting(delta: 1 | -1): void;
}

/**
 * One call of the asynchronous function: its token (semantics P2) and its context in one object.
 *
 * The first completion wins. One that comes later, or from an attempt that was replaced, is ignored and counted as late.
 */
export class Attempt<In, Out> extends Cancellation {
  readonly #ends: AttemptEnds<In, Out>;
  #slot: RecordSlot<In, Out> | undefined;
  /** Calls of this record that wait to be made again: a record may make several at a time. */
  #waits = 0;

  constructor(ends: AttemptEnds<In, Out>, slot: RecordSlot<In, Out>, deadline: number, inputEnd: InputEnd) {
    super(deadline, 1, inputEnd);
    this.#ends = ends;
    this.#slot = slot;
  }

  /** Whether a completion would still count. */
  get open(): boolean {
    return this.#slot !== undefined && this.#slot.attempt === this;
  }

  complete(output: Out): void {
    const slot = this.#slot;
    this.#slot = undefined;
    this.#ends.complete(slot, this, output);
  }

  /** Completes with what `onError` makes of the error. */
  fail(error: unknown): void {
    const slot = this.#slot;
    this.#slot = undefined;
    this.#ends.fail(slot, this, error);
  }

  override retryWaiting(delta: 1 | -1): void {
    this.#waits += delta;
    if (this.#waits === (delta === 1 ? 1 : 0)) this.#ends.retryWaiting(delta);
  }
}
