export interface Rate {
  /** Tokens that are added in each second, above 0. */
  readonly perSecond: number;
  /** The most tokens in the bucket, at least 1. */
  readonly burst: number;
}

/** A timer of whole milliseconds fires up to this late. A bucket that was full for no longer keeps the tokens of that time. */
const timerMs = 1;
/** Times are sums of fractions. A token that is this near is there. */
const nearMs = 1e-6;

/**
 * A bucket of tokens. Each call takes one, and a token is added every 1000 / `perSecond` ms until the bucket is full.
 *
 *                  burst − 1 tokens missing
 *     ──────┬──────────────────────────────────┬──────────▶ time
 *           now: one token is there            fullAt
 *
 * The whole state is the time at which the bucket will be full: each call moves it by the time of one token, and nothing
 * runs between two calls (the generic cell rate algorithm, ITU-T I.371). In any interval of t seconds at most
 * `burst` + `perSecond` × (t + 0.001) calls take a token; while calls wait for tokens it is `perSecond` × t.
 */
export class TokenBucket {
  #rate: Rate;
  #fullAt = -Infinity;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  get rate(): Rate {
    return this.#rate;
  }

  /** The tokens that are there stay, as far as they have room. */
  setRate(rate: Rate, nowMs: number): void {
    const missing = Math.max(0, (this.#fullAt - nowMs) / tokenMs(this.#rate));
    const tokens = Math.min(this.#rate.burst - missing, rate.burst);
    this.#rate = rate;
    this.#fullAt = nowMs + (rate.burst - tokens) * tokenMs(rate);
  }

  /** Whole milliseconds until this many tokens were there for calls that wait; 0 if they are there. */
  waitMs(nowMs: number, tokens = 1): number {
    const tokenAt = this.#fullAt - (this.#rate.burst - tokens) * tokenMs(this.#rate);
    return Math.max(0, Math.ceil(tokenAt - nowMs - nearMs));
  }

  /** Takes a token. The caller has checked that there is one. */
  take(nowMs: number): void {
    const quiet = nowMs - this.#fullAt > timerMs;
    this.#fullAt = (quiet ? nowMs : this.#fullAt) + tokenMs(this.#rate);
  }
}

function tokenMs({ perSecond }: Rate): number {
  return 1000 / perSecond;
}
