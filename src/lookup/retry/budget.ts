import type { Clock } from '../../core/time/time.ts';

/**
 * Bounds the retries of one lookup by the number of its calls, so that retries cannot overload a lookup that fails.
 *
 *     const budget = new RetryBudget({ ratio: 0.2, perSecond: 10 }, clock);
 *     budget.called();                      // each first call
 *     if (budget.permit()) …                // before each retry
 *
 *     second   … 41 | 42 | 43 | … | 50      ten cells in a ring, one for each second; the oldest is emptied and reused
 *     calls       90   80   85       70     first calls only
 *     retries      0   12   17        9
 *
 * A retry is permitted while the retries of the current second are fewer than `perSecond`, or the retries of the ten
 * seconds in the ring are fewer than `ratio` times the calls in the ring. So a quiet lookup may always be retried, and a
 * busy one costs its server at most `ratio` more calls, however many retries each record may have. Nothing runs between
 * two calls: the next call empties the cells that are too old.
 *
 * The idea is Finagle's RetryBudget and gRPC's retry throttling.
 */
export interface BudgetOptions {
  /** Retries for each call of the last ten seconds. */
  readonly ratio: number;
  /** Retries that are permitted in each second, however few the calls are. */
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

  /** Counts a first call. A retry is counted by `permit`. */
  called(nowMs?: number): void {
    const cell = this.#cell(nowMs);
    this.#calls[cell] = (this.#calls[cell] ?? 0) + 1;
    this.#sumCalls++;
  }

  /** Whether a retry may be made. A permitted retry counts as made. */
  permit(): boolean {
    const cell = this.#cell();
    const thisSecond = this.#retries[cell] ?? 0;
    const { ratio, perSecond } = this.#options;
    if (thisSecond >= perSecond && this.#sumRetries >= ratio * this.#sumCalls) return false;
    this.#retries[cell] = thisSecond + 1;
    this.#sumRetries++;
    return true;
  }

  /** A retry that was permitted is not made. */
  giveBack(): void {
    const cell = this.#cell();
    this.#retries[cell] = (this.#retries[cell] ?? 0) - 1;
    this.#sumRetries--;
  }

  /** The cell of this second. Empties the cells that have become too old first. */
  #cell(nowMs = this.#clock.now()): number {
    const second = Math.max(Math.floor(nowMs / 1000), this.#second);
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
