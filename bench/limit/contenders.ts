import { AdaptiveLimit } from '../../src/lookup/limit/adaptive.ts';
import type { Limiter } from './downstream.ts';

/** The algorithms that were compared, each with a lowest limit of 1 and a highest of 400, beginning at 20. */

const highest = 400;

function bounded(limit: number): number {
  return Math.min(Math.max(limit, 1), highest);
}

/** Additive increase, multiplicative decrease: one more in a round trip, a tenth less for a failure. */
class Aimd implements Limiter {
  #limit = 20;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  ended(end: 'answered' | 'failed', _startedMs: number, _nowMs: number, running: number): void {
    if (end === 'failed') this.#limit = bounded(this.#limit * 0.9);
    else if (running * 2 >= this.#limit) this.#limit = bounded(this.#limit + 1 / this.#limit);
  }
}

/** As VegasLimit of Netflix' concurrency-limits: the queue by the lowest round trip, which is taken anew from time to time. */
class Vegas implements Limiter {
  #limit = 20;
  #lowestMs = 0;
  #sinceProbe = 0;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  ended(end: 'answered' | 'failed', startedMs: number, nowMs: number, running: number): void {
    const ms = nowMs - startedMs;
    const limit = this.#limit;
    const step = Math.max(1, Math.log10(limit));
    this.#sinceProbe++;
    if (this.#sinceProbe >= 22 * limit || this.#lowestMs === 0 || ms < this.#lowestMs) {
      if (this.#sinceProbe >= 22 * limit) this.#sinceProbe = 0;
      this.#lowestMs = ms;
      return;
    }
    const queue = Math.ceil(limit * (1 - this.#lowestMs / ms));
    if (end === 'failed') this.#limit = bounded(limit - step);
    else if (running * 2 < limit) return;
    else if (queue <= step) this.#limit = bounded(limit + 6 * step);
    else if (queue < 3 * step) this.#limit = bounded(limit + step);
    else if (queue > 6 * step) this.#limit = bounded(limit - step);
  }
}

/** As Gradient2Limit of Netflix' concurrency-limits: each round trip against the mean of the last 600. */
class Gradient2 implements Limiter {
  #limit = 20;
  #longMs = 0;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  ended(_end: 'answered' | 'failed', startedMs: number, nowMs: number, running: number): void {
    const ms = nowMs - startedMs;
    this.#longMs = this.#longMs === 0 ? ms : this.#longMs + (2 / 601) * (ms - this.#longMs);
    if (this.#longMs / ms > 2) this.#longMs *= 0.95;
    if (running < this.#limit / 2) return;
    const gradient = Math.min(Math.max((1.5 * this.#longMs) / ms, 0.5), 1);
    this.#limit = bounded(0.8 * this.#limit + 0.2 * (this.#limit * gradient + 4));
  }
}

export const contenders: Readonly<Record<string, () => Limiter>> = {
  millrace: () => new AdaptiveLimit({ min: 1, max: highest, measures: true }),
  AIMD: () => new Aimd(),
  Vegas: () => new Vegas(),
  Gradient2: () => new Gradient2(),
};
