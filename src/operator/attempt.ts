import type { InputEnd } from '../core/call/call-context.ts';
import { Cancellation } from '../core/call/cancellation.ts';
import type { RecordSlot } from './queues/slot.ts';

/** What an attempt reports to. `slot` is undefined if the attempt has completed before. */
export interface AttemptOwner<In, Out> {
  complete(slot: RecordSlot<In, Out> | undefined, attempt: Attempt<In, Out>, output: Out): void;
  fail(slot: RecordSlot<In, Out> | undefined, attempt: Attempt<In, Out>, error: unknown): void;
  addBytes(slot: RecordSlot<In, Out> | undefined, attempt: Attempt<In, Out>, bytes: number): void;
  retryWaiting(delta: 1 | -1): void;
  limitWaiting(delta: 1 | -1): void;
  inBatch(delta: 1 | -1): void;
  /** The first call of a record begins, and the record's clock was not started at its admission. */
  startClock(slot: RecordSlot<In, Out>): void;
}

/**
 * One call of the asynchronous function: its token (semantics P2) and its context in one object.
 *
 * The first completion wins. A later completion, or one of an attempt that was replaced, is ignored and counted as late.
 */
export class Attempt<In, Out> extends Cancellation {
  readonly #owner: AttemptOwner<In, Out>;
  #slot: RecordSlot<In, Out> | undefined;
  /** Calls of this record that wait for a retry: a record may make several calls at a time. */
  #retryWaits = 0;
  /** Calls of this record that wait at a shared limit. */
  #limitWaits = 0;
  /** Calls of this record that are in a batch. */
  #batches = 0;
  /** Calls of this record that have begun. Before the first one the record has only waited, at a limit or for its batch. */
  callsBegun = 0;
  /** Whether the clock of the record starts when its first call begins. */
  clockDeferred = false;

  constructor(owner: AttemptOwner<In, Out>, slot: RecordSlot<In, Out>, deadline: number, inputEnd: InputEnd) {
    super(deadline, 1, inputEnd);
    this.#owner = owner;
    this.#slot = slot;
  }

  /** Whether a completion would count: the record is not complete, and this attempt was not replaced. */
  get isCurrent(): boolean {
    return this.#slot !== undefined && this.#slot.attempt === this;
  }

  get waitsForFirstCall(): boolean {
    return (this.#limitWaits > 0 || this.#batches > 0) && this.callsBegun === 0;
  }

  complete(output: Out): void {
    const slot = this.#slot;
    this.#slot = undefined;
    this.#owner.complete(slot, this, output);
  }

  /** Completes with the outcome that `onError` makes of the error. */
  fail(error: unknown): void {
    const slot = this.#slot;
    this.#slot = undefined;
    this.#owner.fail(slot, this, error);
  }

  /** Counts more bytes for the record, until it is complete. */
  addBytes(bytes: number): void {
    this.#owner.addBytes(this.#slot, this, bytes);
  }

  override retryWaiting(delta: 1 | -1): void {
    this.#retryWaits += delta;
    if (this.#retryWaits === (delta === 1 ? 1 : 0)) this.#owner.retryWaiting(delta);
  }

  override limitWaiting(delta: 1 | -1): void {
    this.#limitWaits += delta;
    if (this.#limitWaits === (delta === 1 ? 1 : 0)) this.#owner.limitWaiting(delta);
  }

  override inBatch(delta: 1 | -1): void {
    this.#batches += delta;
    if (this.#batches === (delta === 1 ? 1 : 0)) this.#owner.inBatch(delta);
  }

  override callBegins(): void {
    this.callsBegun++;
    if (!this.clockDeferred) return;
    this.clockDeferred = false;
    if (this.#slot !== undefined && this.isCurrent) this.#owner.startClock(this.#slot);
  }

  override callRefused(): void {
    this.callsBegun--;
  }
}
