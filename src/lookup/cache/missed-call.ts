import type { CallContext, CancelListener } from '../../core/call/call-context.ts';
import { Cancellation } from '../../core/call/cancellation.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import { cancelledError } from '../../core/call/cancelled.ts';

/** What becomes of a missed call. One of the first three is called, once; `late` follows `left` when the call has ended. */
export interface MissedCallEnds<Res> {
  answered(call: MissedCall, answer: Res): Res;
  /** The answer instead of the failure, or throws it. */
  failed(call: MissedCall, error: unknown): Res;
  /** The record has left; the call goes on if `runsOn` is true. */
  readonly left: (call: MissedCall, runsOn: boolean) => void;
  /** The call has ended after the record had left: with an answer, or without one. */
  late(call: MissedCall, answer: Res | undefined): void;
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
export class MissedCall extends Cancellation implements CancelListener {
  /** Of the answer in the store. */
  readonly key: string;
  /** Clock milliseconds. */
  readonly calledAt: number;
  readonly #known: KnownAnswer | undefined;
  readonly #mayRunOn: boolean;
  #began = false;
  #waits = 0;
  #left = false;
  #leaves: MissedCallEnds<never>['left'] | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  /** Whether an equal request had made the call. */
  shared = false;

  /** `known`: a stored answer that is old, and that the far end may confirm. */
  constructor(caller: CallContext, key: string, calledAt: number, mayRunOn: boolean, known: KnownAnswer | undefined) {
    super(Infinity, caller.attempt, caller);
    this.key = key;
    this.calledAt = calledAt;
    this.#mayRunOn = mayRunOn;
    this.#known = known;
  }

  /** The answer for the record. Called once, with the answer of the call. */
  outcome<Res>(answer: Promise<Res>, ends: MissedCallEnds<Res>): Promise<Res> {
    return new Promise((resolve, reject) => {
      this.#leaves = ends.left;
      this.#reject = reject;
      this.caller.addCancelListener(this);
      answer.then(
        (found) => {
          this.caller.removeCancelListener(this);
          return this.#left ? ends.late(this, found) : resolve(ends.answered(this, found));
        },
        (error: unknown) => {
          this.caller.removeCancelListener(this);
          if (this.#left) return ends.late(this, undefined);
          try {
            resolve(ends.failed(this, error));
          } catch (failure) {
            reject(failure);
          }
        },
      );
    });
  }

  /** The record leaves. */
  callCancelled(reason: unknown): void {
    const runsOn = this.#mayRunOn && this.#began && this.#waits === 0;
    if (!runsOn) this.cancel(reason);
    this.#left = true;
    this.#leaves?.(this, runsOn);
    this.#reject?.(cancelledError(reason));
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
}
