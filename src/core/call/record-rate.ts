import type { Clock } from '../time/time.ts';
import { TokenBucket } from './token-bucket.ts';

/** Takes records of several streams, so many in a second. A stream that has to wait gets one record in each turn. */
export interface RecordGate {
  /** Whether a record may go on now, which counts it. After false, `wait` says when to try again. */
  take(): boolean;
  /** Calls `retry` once, when it is the turn of this stream, but never before `wait` returns. */
  wait(retry: () => void): void;
  /** `retry` is not called any more. */
  leave(retry: () => void): void;
}

/**
 * The rate of the records of all streams that share it.
 *
 *     stream 1 ── take ─▶ bucket ── a token ─▶ goes on
 *     stream 2 ── take ─▶ no token, or others wait ─▶ wait ──┐
 *     stream 3 ── …                                          ▼
 *                   turn of 2 ◀── timer until the next token ── turn of 3 …
 *
 * At most one timer, and only while a stream waits.
 */
export class RecordRate implements RecordGate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  /** In the order in which they wait. */
  readonly #waiting = new Set<() => void>();
  /** The stream whose turn it is may take one record, though others wait. */
  #turn = false;
  #stopTimer: (() => void) | undefined = undefined;
  readonly #fire = (): void => {
    this.#stopTimer = undefined;
    for (const retry of this.#waiting) {
      if (this.#bucket.waitMs(this.#clock.now()) > 0) break;
      this.#waiting.delete(retry);
      this.#turn = true;
      retry();
      this.#turn = false;
    }
    this.#arm();
  };

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rateOf(perSecond));
  }

  /** Applies from now on; the tokens that are there stay. */
  setPerSecond(perSecond: number): void {
    if (perSecond === this.#bucket.rate.perSecond) return;
    this.#bucket.setRate(rateOf(perSecond), this.#clock.now());
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#arm();
  }

  /** Milliseconds until a record that begins to wait now would go on; 0 if it need not wait. */
  get backlogMs(): number {
    const { perSecond } = this.#bucket.rate;
    return this.#bucket.waitMs(this.#clock.now()) + (this.#waiting.size * 1000) / perSecond;
  }

  take(): boolean {
    if (this.#waiting.size > 0 && !this.#turn) return false;
    const now = this.#clock.now();
    if (this.#bucket.waitMs(now) > 0) return false;
    this.#turn = false;
    this.#bucket.take(now);
    return true;
  }

  wait(retry: () => void): void {
    this.#waiting.add(retry);
    this.#arm();
  }

  leave(retry: () => void): void {
    this.#waiting.delete(retry);
    if (this.#waiting.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #arm(): void {
    if (this.#waiting.size === 0 || this.#stopTimer !== undefined) return;
    // A timer of 0 ms would take a millisecond as well.
    this.#stopTimer = this.#clock.setTimer(Math.max(1, this.#bucket.waitMs(this.#clock.now())), this.#fire);
  }
}

/** After a quiet period, the records of a tenth of a second may begin at once. */
function rateOf(perSecond: number): { readonly perSecond: number; readonly burst: number } {
  return { perSecond, burst: Math.max(1, Math.ceil(perSecond / 10)) };
}
