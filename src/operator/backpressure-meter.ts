import type { BackpressureReason, PipelineObserver } from '../core/observer/observer.ts';
import type { Clock } from '../core/time/time.ts';

/** A stop of the input that has not ended. */
export interface CurrentStop {
  readonly reason: BackpressureReason;
  /** Milliseconds that are not counted yet. */
  readonly ms: number;
}

/**
 * Measures how long the input of one stream stands still, and why.
 *
 *     stopped(capacity) ──── stopped(limit) ──────── moving()
 *            └── capacity ──┘└────── limit ────────┘
 *
 * An interval counts for the reason that held during it. `current` has the time that is not counted yet, so that a
 * scrape includes a stop that has not ended, and each millisecond once.
 */
export class BackpressureMeter {
  readonly #count: PipelineObserver['backpressure'];
  readonly #clock: Clock;
  #reason: BackpressureReason | undefined = undefined;
  #sinceMs = 0;

  constructor(count: PipelineObserver['backpressure'], clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  /** Why the input stands still now; undefined while it moves. */
  get reason(): BackpressureReason | undefined {
    return this.#reason;
  }

  get current(): CurrentStop | undefined {
    const reason = this.#reason;
    return reason === undefined ? undefined : { reason, ms: this.#clock.now() - this.#sinceMs };
  }

  /** The input stands still from now on, or still does, but for another reason. */
  stopped(reason: BackpressureReason): void {
    if (reason !== this.#reason) this.#change(reason);
  }

  /** The input moves from now on. */
  moving(): void {
    if (this.#reason !== undefined) this.#change(undefined);
  }

  #change(reason: BackpressureReason | undefined): void {
    const now = this.#clock.now();
    if (this.#reason !== undefined) this.#count(this.#reason, now - this.#sinceMs);
    this.#reason = reason;
    this.#sinceMs = now;
  }
}
