import type { CallContext, CancelListener } from '../../core/call/call-context.ts';
import { Cancellation } from '../../core/call/cancellation.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import type { Receiver } from '../../core/call/receiver.ts';
import { argumentsKey } from '../arguments-key.ts';
import type { Arguments } from '../lookup.ts';

/** What becomes of a missed call. One of the first three is called, once; `late` follows `left` when the call has ended. */
export interface MissedCallEnds<Res> {
  /** `nowMs`: the time of the clock, if it was just read. */
  answered(call: MissedCall<Res>, answer: Res, nowMs: number | undefined): Res;
  /** The answer instead of the failure, or throws it. */
  failed(call: MissedCall<Res>, error: unknown): Res;
  /** The record has left; the call goes on if `runsOn` is true. */
  left(call: MissedCall<Res>, runsOn: boolean): void;
  /** The call has ended after the record had left: with an answer, or without one. */
  late(call: MissedCall<Res>, answer: Res | undefined): void;
}

/**
 * The context of the call that a request without a stored answer makes.
 *
 *     record ──── waits ───── left ✕
 *     call   ──── runs ─────────┴───── to the end of its own timeout ──▶ late answer: into the cache
 *
 * If the record leaves, the call goes on if it may: if it has a time of its own, and is under way, so that an answer may be
 * on its way. A call that waits for its turn or for a retry is cancelled. After the record has left, nothing is reported to it,
 * and its deadline has passed: no retry begins.
 */
export class MissedCall<Res> extends Cancellation implements CancelListener, Receiver<Res> {
  readonly args: Arguments;
  /** Clock milliseconds. */
  readonly calledAt: number;
  #key: string | undefined;
  readonly #known: KnownAnswer | undefined;
  readonly #mayRunOn: boolean;
  readonly #ends: MissedCallEnds<Res>;
  readonly #receiver: Receiver<Res>;
  #began = false;
  #waits = 0;
  #batches = 0;
  /** The receiver has the outcome. */
  #settled = false;
  #left = false;
  /** Whether an equal request had made the call. */
  shared = false;

  /** `key`: of the arguments, if it is known. `known`: a stored answer that is old, and that the far end may confirm. */
  constructor(
    caller: CallContext,
    args: Arguments,
    key: string | undefined,
    calledAt: number,
    mayRunOn: boolean,
    known: KnownAnswer | undefined,
    ends: MissedCallEnds<Res>,
    receiver: Receiver<Res>,
  ) {
    super(Infinity, caller.attempt, caller);
    this.args = args;
    this.#key = key;
    this.calledAt = calledAt;
    this.#mayRunOn = mayRunOn;
    this.#known = known;
    this.#ends = ends;
    this.#receiver = receiver;
  }

  /** Of the answer in the store. */
  get key(): string {
    return (this.#key ??= argumentsKey(this.args));
  }

  /** Waits for the outcome, or for the record to leave. */
  wait(): void {
    if (!this.#settled) this.caller.addCancelListener(this);
  }

  answered(answer: Res, nowMs?: number): void {
    if (this.#settled) return this.#ends.late(this, answer);
    this.#settle();
    this.#receiver.answered(this.#ends.answered(this, answer, nowMs), nowMs);
  }

  failed(error: unknown): void {
    if (this.#settled) return this.#ends.late(this, undefined);
    this.#settle();
    let answer: Res;
    try {
      answer = this.#ends.failed(this, error);
    } catch (failure) {
      return this.#receiver.failed(failure);
    }
    this.#receiver.answered(answer);
  }

  #settle(): void {
    this.#settled = true;
    this.caller.removeCancelListener(this);
  }

  /** The record leaves. */
  callCancelled(reason: unknown): void {
    const runsOn = this.#mayRunOn && this.#began && this.#waits === 0;
    this.#settled = true;
    // The ends of its waits are still reported. A call that runs on has none, but the record is in its batch no longer.
    if (!runsOn) this.cancel(reason);
    else while (this.#batches > 0) this.inBatch(-1);
    this.#left = true;
    this.#ends.left(this, runsOn);
    this.#receiver.failed(cancelledError(reason));
  }

  override get deadline(): number {
    return this.#left ? -Infinity : this.caller.deadline;
  }

  override get known(): KnownAnswer | undefined {
    return this.#known;
  }

  override callShared(): void {
    this.shared = true;
    super.callShared();
  }

  override callBegins(): void {
    this.#began = true;
    if (!this.#left) super.callBegins();
  }

  override callRefused(): void {
    if (!this.#left) super.callRefused();
  }

  override limitWaiting(delta: 1 | -1): void {
    this.#waits += delta;
    if (!this.#left) super.limitWaiting(delta);
  }

  override retryWaiting(delta: 1 | -1): void {
    this.#waits += delta;
    if (!this.#left) super.retryWaiting(delta);
  }

  override inBatch(delta: 1 | -1): void {
    this.#batches += delta;
    if (!this.#left) super.inBatch(delta);
  }
}
