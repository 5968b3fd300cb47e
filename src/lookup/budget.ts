import type { Clock } from '../core/time/time.ts';

/**
 * Bounds the retries of one lookup by the calls it gets, so that a lookup in trouble is not buried under them.
 *
 *     second   … 41 | 42 | 43 | … | 50      ten cells in a ring, one for each second; the oldest is emptied and reused
 *     calls       90   80   85       70     first calls; a retry is not one
 *     retries      0   12   17        9
 *
 * A retry is permitted while those of the current second are fewer than `perSecond`, or those of the ten seconds in
 * the ring are fewer than `ratio` times the calls in it. So a quiet lookup may always be retried, and a busy one costs
 * its server `ratio` more at most, however many retries each record were allowed. Nothing runs between two calls: what
 * is too old is forgotten when the next one comes.
 *
 * The idea is Finagle's RetryBudget and gRPC's retry throttling.
 */
export interface BudgetOptions {
  /** Retries for each call. */
  readonly ratio: number;
  /** Retries that are permitted in each second whatever the calls were. */
  readonly perSecond: number;
}

const seconds = 10;

export class RetryBudget {
  readonly #options: BudgetOptions;
  readonly #clock: Clock;
  readonly #calls = new Float64Array(seconds);
  readonly #retries = new Float64Array(seconds);
  #sumCalls = 0;
  #sumRetries = 0;
  #second: number;

  constructor(options: BudgetOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#second = Math.floor(clock.now() / 1000);
  }

  /** A call was made that is no retry. */
  called(): void {
    const cell = this.#cell();
    this.#calls[cell] = (this.#calls[cell] ?? 0) + 1;
    this.#sumCalls++;
  }

  /** Whether a retry may be made. One that is permitted counts as made. */
  permit(): boolean {
    const cell = this.#cell();
    const now = this.#retries[cell] ?? 0;
    const { ratio, perSecond } = this.#options;
    if (now >= perSecond && this.#sumRetries >= ratio * this.#sumCalls) return false;
    this.#retries[cell] = now + 1;
    this.#sumRetries++;
    return true;
  }

  /** The cell of this second, after those that have become too old were emptied. */
  #cell(): number {
    const second = Math.floor(this.#clock.now() / 1000);
    const passed = Math.min(second - this.#second, seconds);
    for (let step = 1; step <= passed; step++) {
      const cell = (this.#second + step) % seconds;
      this.#sumCalls -= this.#calls[cell] ?? 0;
      this.#sumRetries -= this.#retries[cell] ?? 0;
      this.#calls[cell] = 0;
      this.#retries[cell] = 0;
    }
    this.#second = second;
    return second % seconds;
  }
}
