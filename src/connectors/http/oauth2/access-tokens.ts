import type { Gate } from '../../../core/call/gate.ts';
import { RecordError } from '../../../core/errors.ts';
import type { LayerGauges } from '../../../core/observer/observer.ts';
import { exponentialBackoff } from '../../../core/time/backoff.ts';
import { inLaterTurn } from '../../../core/time/later-turn.ts';
import { type Clock, wallClockMs } from '../../../core/time/time.ts';
import type { AccessToken } from './token-answer.ts';

export interface AccessTokensOptions {
  readonly clock: Clock;
  /** Requests a token; rejects with RecordError. */
  readonly request: () => Promise<AccessToken>;
  /** Hides the token in all texts from now on. */
  readonly hide: (token: string) => void;
}

/** The headers of a call with a token. */
export interface Authorized {
  readonly token: string;
  readonly plain: string[];
  readonly headers: string[];
}

interface HeldToken {
  readonly value: string;
  readonly fetchedMs: number;
  /** From then on the next call has it renewed. */
  readonly renewMs: number;
  /** From then on it is not used. */
  readonly endsMs: number;
  /** Wall-clock seconds; undefined if the server did not say it. */
  readonly expiresAt: number | undefined;
}

/** A token is renewed so long before it expires, and no longer used for so long; at most these parts of its lifetime. */
const renewal = { aheadMs: 60_000, part: 0.25 };
const end = { aheadMs: 10_000, part: 0.1 };
/** A token that is refused although it is younger than this is kept: a fresh one would be refused as well. */
const leastAgeMs = 10_000;
/** After a failure no token is requested for this time; a call that needs one fails at once with the same error. */
const backoff = exponentialBackoff({ initialMs: 250, maxMs: 30_000, multiplier: 2 });
/** A `Retry-After` of the token endpoint counts up to this. */
const longestRetryAfterMs = 60_000;

const outcomes = ['ok', 'unreachable', 'timeout', 'bad_status', 'bad_response'] as const;
type Outcome = (typeof outcomes)[number];

/**
 * The access token of a lookup, one for all calls: a gate that is closed while there is none and one is requested.
 *
 *     none ── whenOpen ──▶ requested ─┬─ token ────▶ held ── a call comes within the last minute ──▶ renewed, old one used
 *      ▲                              └─ failure ──▶ failed: open, each call fails with that error, for 250 ms … 30 s
 *      └── expired; or refused by the server (401), unless it is younger than 10 s
 *
 * One request runs at a time. There is no timer: a lookup without calls renews nothing.
 */
export class AccessTokens implements Gate {
  readonly #options: AccessTokensOptions;
  readonly #counts: Record<Outcome, number> = { ok: 0, unreachable: 0, timeout: 0, bad_status: 0, bad_response: 0 };
  #token: HeldToken | undefined = undefined;
  #requesting = false;
  #failure: RecordError | undefined = undefined;
  #failures = 0;
  /** No token is requested before. */
  #againMs = -Infinity;
  #refused = 0;
  #closed = false;
  #hook: (() => void) | undefined = undefined;
  #waiting: (() => void)[] = [];
  #last: Authorized | undefined = undefined;

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  get open(): boolean {
    if (this.#closed) return true;
    const nowMs = this.#options.clock.now();
    return this.#usable(nowMs) !== undefined || (!this.#requesting && nowMs < this.#againMs);
  }

  /** Requests a token if there is none. One hook is kept: a later one replaces it. */
  whenOpen(hook: () => void): void {
    this.#hook = hook;
    this.#next();
  }

  /** Calls `hook` in a later turn, when there is a token or a request for one has failed. */
  whenSettled(hook: () => void): void {
    this.#waiting.push(hook);
    this.#next();
  }

  /** Resolves when there is a token; rejects with RecordError if a request for one has failed. */
  obtain(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenSettled(() => {
        try {
          this.authorize([]);
          resolve();
        } catch (error) {
          reject(RecordError.from(error));
        }
      });
    });
  }

  /** Adds the token to the headers of a call. Throws the RecordError of the last request if there is no token. */
  authorize(plain: string[]): Authorized {
    const nowMs = this.#options.clock.now();
    const token = this.#closed ? undefined : this.#usable(nowMs);
    if (token === undefined) throw this.#closed ? lookupClosed() : (this.#failure ?? notYet()).with({ attempts: 0 });
    if (nowMs >= token.renewMs && nowMs >= this.#againMs) this.#request();
    const last = this.#last;
    if (last !== undefined && last.plain === plain && last.token === token.value) return last;
    const headers = [...plain, 'authorization', `Bearer ${token.value}`];
    return (this.#last = { token: token.value, plain, headers });
  }

  /** The server has refused a token. Whether a call with another one may succeed. */
  refused(value: string): boolean {
    const token = this.#token;
    if (this.#closed) return false;
    if (token === undefined || token.value !== value) return true;
    if (this.#options.clock.now() - token.fetchedMs < leastAgeMs) return false;
    this.#refused += 1;
    this.#token = undefined;
    return true;
  }

  gauges(): LayerGauges {
    const { expiresAt } = this.#token ?? {};
    return {
      totals: { ...this.#counts, refused: this.#refused },
      ...(expiresAt === undefined ? {} : { latest: { expiresAt } }),
    };
  }

  /** Calls that wait for a token fail. */
  close(): void {
    this.#closed = true;
    this.#settled();
  }

  #usable(nowMs: number): HeldToken | undefined {
    return this.#token !== undefined && nowMs < this.#token.endsMs ? this.#token : undefined;
  }

  #next(): void {
    if (this.open) inLaterTurn(() => this.#settled());
    else this.#request();
  }

  #request(): void {
    if (this.#requesting || this.#closed) return;
    this.#requesting = true;
    this.#options.request().then(
      (token) => this.#ended('ok', () => this.#hold(token)),
      (error: unknown) => {
        const failure = RecordError.from(error);
        this.#ended(outcomeOf(failure), () => this.#failed(failure));
      },
    );
  }

  #ended(outcome: Outcome, take: () => void): void {
    this.#requesting = false;
    if (this.#closed) return;
    this.#counts[outcome] += 1;
    take();
    inLaterTurn(() => this.#settled());
  }

  #hold({ value, lifetimeMs = Infinity }: AccessToken): void {
    this.#options.hide(value);
    const nowMs = this.#options.clock.now();
    const until = ({ aheadMs, part }: typeof end): number => nowMs + lifetimeMs - Math.min(aheadMs, lifetimeMs * part);
    const known = lifetimeMs < Infinity;
    this.#token = {
      value,
      fetchedMs: nowMs,
      renewMs: known ? until(renewal) : Infinity,
      endsMs: known ? until(end) : Infinity,
      expiresAt: known ? Math.round((wallClockMs() + lifetimeMs) / 1000) : undefined,
    };
    this.#failure = undefined;
    this.#failures = 0;
    this.#againMs = -Infinity;
  }

  #failed(failure: RecordError): void {
    this.#failures += 1;
    this.#failure = failure;
    const asked = Math.min(failure.details.retryAfterMs ?? 0, longestRetryAfterMs);
    this.#againMs = this.#options.clock.now() + Math.max(backoff.delayMs(this.#failures), asked);
  }

  #settled(): void {
    const hooks = this.#waiting;
    const hook = this.#hook;
    if (hook === undefined && hooks.length === 0) return;
    // A token that was refused, or has expired, since this turn was scheduled.
    if (!this.open) return this.#request();
    this.#waiting = [];
    this.#hook = undefined;
    hook?.();
    for (const waiting of hooks) waiting();
  }
}

function outcomeOf({ code }: RecordError): Outcome {
  return outcomes.find((outcome) => outcome === code) ?? 'unreachable';
}

function lookupClosed(): RecordError {
  return new RecordError('cancelled', 'the lookup is closed');
}

function notYet(): RecordError {
  return new RecordError('unreachable', 'there is no access token yet');
}
