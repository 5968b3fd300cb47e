/**
 * Finds how many calls a far end handles well at the same time, from the round trips of the attempts. Pure: it has
 * neither a clock nor a timer.
 *
 *     const adaptive = new AdaptiveLimit({ min: 1, max: 200, measures: true });
 *     adaptive.began(running, nowMs);             // each attempt, when it begins; `running` counts it
 *     adaptive.ended('answered', startedMs, nowMs);
 *     adaptive.limit                              // attempts that may run at the same time
 *
 *     limit L   ───────────────┐      ┌─── L × unloaded ÷ round trip × 1.2 + 0.5
 *     L / 2                    └──────┘
 *               round trip at L  unloaded: round trip at L / 2
 *
 * By Little's law, of L calls the far end works on L × unloaded ÷ round trip, where `unloaded` is the round trip without
 * a queue; the others wait in its queue. The limit follows the calls that are worked on, with a little headroom, so that
 * it grows while there is no queue. `unloaded` is measured at half the limit (a quarter, if the round trip has doubled):
 * at first, regularly, and when the round trip or the failures have grown. So a far end that becomes slower for every call
 * keeps its limit, and one that has fewer workers does not. Failures lower the limit only if fewer fail at half of it.
 *
 * One window is 20 to 100 attempts that began while as many ran as the limit allows: without that many calls the limit
 * stays. The idea is that of Vegas and of Envoy's adaptive concurrency; what differs is the measurement, by the mean
 * of many attempts instead of a minimum, and at half the limit instead of nearly none.
 */

/** How one attempt ended, for the limit. `ignored`: its round trip says nothing about the load. */
export type AttemptEnd = 'answered' | 'failed' | 'ignored';

export interface AdaptiveOptions {
  readonly min: number;
  readonly max: number;
  /** Whether the limit is lowered to measure. If it is not enforced, the lowest round trip so far is used instead. */
  readonly measures: boolean;
}

const firstLimit = 20;
const headroom = 1.2;
const fewestSamples = 20;
const mostSamples = 100;
/** Windows between two measurements: these cost at most 2 % of the throughput. */
const windowsBetween = 30;
/** A smaller share of failures changes nothing. */
const noticedShare = 0.1;
/** Above this share the failures are taken for overload, although they are as many at half the limit. */
const allFail = 0.9;
const smoothing = 0.1;

/** Attempts that began at one limit. */
class Window {
  /** When as many attempts ran as the limit allows: before that, the far end was less busy. */
  fullMs = Infinity;
  answered = 0;
  failed = 0;
  #logSum = 0;
  #begun = 0;
  #runningSum = 0;

  began(running: number): void {
    this.#begun++;
    this.#runningSum += running;
  }

  answer(roundTripMs: number): void {
    this.answered++;
    this.#logSum += Math.log(Math.max(roundTripMs, 0.01));
  }

  get samples(): number {
    return this.answered + this.failed;
  }

  get failedShare(): number {
    return this.failed / Math.max(1, this.samples);
  }

  /** The geometric mean: a few attempts that take twenty times as long hardly change it. */
  get roundTripMs(): number | undefined {
    return this.answered === 0 ? undefined : Math.exp(this.#logSum / this.answered);
  }

  get meanRunning(): number {
    return this.#runningSum / Math.max(1, this.#begun);
  }
}

export class AdaptiveLimit {
  /** Changes of the limit, by reason; `measuring` counts the measurements. */
  readonly changes = { growth: 0, queueing: 0, failures: 0, measuring: 0 };
  readonly #options: AdaptiveOptions;
  #limit: number;
  #window = new Window();
  /** The window before a measurement, while that goes on. */
  #before: Window | undefined = undefined;
  #divisor = 2;
  #measuredAt = 0;
  #windows = 0;
  #roundTripMs: number | undefined = undefined;
  #unloadedMs: number | undefined = undefined;
  /** The share that fails at half the limit as well, of so many samples. */
  #failsAnyway = 0;
  #failsAnywayOf = Infinity;

  constructor(options: AdaptiveOptions) {
    this.#options = options;
    this.#limit = Math.min(Math.max(firstLimit, options.min), options.max);
  }

  get limit(): number {
    return this.#before === undefined ? Math.floor(this.#limit) : this.#lowered;
  }

  /** Milliseconds, smoothed over some ten answers; undefined before the first one. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** The round trip without a queue, as measured last; undefined before the first measurement. */
  get unloadedMs(): number | undefined {
    return this.#unloadedMs;
  }

  began(running: number, nowMs: number): void {
    const window = this.#window;
    if (running >= this.limit && nowMs < window.fullMs) window.fullMs = nowMs;
    if (window.fullMs < Infinity) window.began(running);
  }

  ended(end: AttemptEnd, startedMs: number, nowMs: number): void {
    if (end === 'ignored') return;
    const window = this.#window;
    const roundTripMs = nowMs - startedMs;
    if (end === 'answered') {
      const known = this.#roundTripMs ?? roundTripMs;
      this.#roundTripMs = known + smoothing * (roundTripMs - known);
    }
    if (startedMs <= window.fullMs) return;
    if (end === 'answered') window.answer(roundTripMs);
    else window.failed++;
    const wanted = Math.min(Math.max(2 * this.limit, fewestSamples), mostSamples);
    const early = this.#before === undefined && window.answered === fewestSamples && this.#isSlow(window);
    if (window.samples < wanted && !early) return;
    this.#window = new Window();
    if (this.#before === undefined) this.#adjust(window);
    else this.#measured(window, this.#before);
  }

  get #lowered(): number {
    return Math.max(this.#options.min, Math.floor(this.#limit / this.#divisor));
  }

  #adjust(window: Window): void {
    this.#windows++;
    const { roundTripMs } = window;
    const unloadedMs = (this.#unloadedMs ??= roundTripMs);
    // Faster than at half the limit before: that measurement is out of date.
    if (roundTripMs !== undefined && unloadedMs !== undefined && roundTripMs < 0.8 * unloadedMs) {
      this.#unloadedMs = roundTripMs;
    }
    const slow = this.#isSlow(window);
    const due =
      slow ||
      this.#measuredAt === 0 ||
      this.#windows > windowsBetween ||
      this.#limit < 0.8 * this.#measuredAt ||
      (this.#windows > 1 && this.#failsMore(window) > noticedShare);
    this.#divisor = slow ? 4 : 2;
    if (!due || !this.#options.measures || this.#lowered >= this.#limit) return this.#decide(window);
    this.#before = window;
    this.changes.measuring++;
  }

  /** The window at the lowered limit, and the one before it, decide together. */
  #measured(window: Window, before: Window): void {
    this.#before = undefined;
    this.#windows = 0;
    this.#measuredAt = this.#limit;
    this.#failsAnyway = window.failedShare < allFail ? window.failedShare : 0;
    this.#failsAnywayOf = window.samples;
    const { roundTripMs } = window;
    if (roundTripMs !== undefined) {
      const known = this.#unloadedMs;
      const alike = known !== undefined && roundTripMs < 1.5 * known && roundTripMs > known / 1.5;
      this.#unloadedMs = alike ? (known + roundTripMs) / 2 : roundTripMs;
    }
    this.#decide(before);
  }

  #isSlow({ roundTripMs }: Window): boolean {
    return roundTripMs !== undefined && this.#unloadedMs !== undefined && roundTripMs > 2 * this.#unloadedMs;
  }

  /** The share of attempts that fail because of the load, beyond chance (two standard deviations). */
  #failsMore({ failedShare: share, samples }: Window): number {
    const deviation = Math.sqrt(share * (1 - share) * (1 / samples + 1 / this.#failsAnywayOf));
    return share - this.#failsAnyway - 2 * deviation;
  }

  #decide(window: Window): void {
    const running = this.#options.measures ? this.#limit : window.meanRunning;
    const failsMore = this.#failsMore(window);
    if (failsMore > noticedShare) return this.#change(running * (1 - failsMore), 'failures');
    const { roundTripMs } = window;
    if (roundTripMs === undefined || this.#unloadedMs === undefined) return;
    const workedOn = running * Math.min(1, this.#unloadedMs / roundTripMs);
    const target = workedOn * headroom + 0.5;
    this.#change(target, target > this.#limit ? 'growth' : 'queueing');
  }

  #change(target: number, reason: 'growth' | 'queueing' | 'failures'): void {
    const { min, max } = this.#options;
    const before = this.limit;
    this.#limit = Math.min(Math.max(target, this.#limit / 4, min), max);
    if (this.limit !== before) this.changes[reason]++;
  }
}
