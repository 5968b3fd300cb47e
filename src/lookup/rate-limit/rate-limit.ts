import { bothGates, type Gate } from '../../core/call/gate.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import type { RateLimitOptions } from './rate-limit-options.ts';
import type { BucketUser, SharedBucket, SharedBuckets } from './shared-bucket.ts';
import type { Rate } from '../../core/call/token-bucket.ts';
import { beginOf, serviceOf } from '../service.ts';

export interface RateLimitDeps {
  readonly lookup: string;
  readonly clock: Clock;
  readonly buckets: SharedBuckets;
}

/**
 * The layer `rateLimit` of a lookup: bounds the calls in a second, of all streams together.
 *
 *     rateLimit: { perSecond: 50, burst: 5 }
 *
 *     const rateLimit = new RateLimit<Arguments, Answer>(options, { lookup, clock, buckets });
 *     const limit = new Limit<Arguments, Answer>(rateLimit.gate(connector.gate));
 *     const service = stack(connector.call, limit.layer, rateLimit.layer);
 *
 * It has no queue: a call waits in the limit above, for a connection and for a token at once, and takes the token when it
 * begins. So no token is kept by a call that waits for a connection, and the streams take turns for both.
 */
export class RateLimit<Req, Res> implements LayerEntry<Req, Res>, Gate, BucketUser {
  readonly name = 'rateLimit';
  readonly rate: Rate;
  readonly #deps: RateLimitDeps;
  readonly #bucket: SharedBucket;
  #hook: (() => void) | undefined = undefined;
  #closed = false;

  constructor(rate: RateLimitOptions, deps: RateLimitDeps) {
    this.rate = rate;
    this.#deps = deps;
    this.#bucket = deps.buckets.join(deps.lookup, deps.clock, this);
  }

  readonly layer: Layer<Req, Res> = (inner) => {
    const begin = beginOf(inner);
    return serviceOf<Req, Res>(
      (request, context, receiver, nowMs) => {
        this.#take(nowMs);
        return begin(request, context, receiver, nowMs);
      },
      (request, context) => {
        this.#take(undefined);
        return inner(request, context);
      },
    );
  };

  #take(nowMs: number | undefined): void {
    if (!this.#closed) this.#bucket.take(nowMs);
  }

  gate(inner: Gate | undefined): Gate {
    return inner === undefined ? this : bothGates(inner, this);
  }

  /** Whether there is a token. */
  get open(): boolean {
    return this.#closed || this.#bucket.hasToken;
  }

  /** One hook is kept: a later one replaces it. */
  whenOpen(hook: () => void): void {
    this.#hook = hook;
    this.#bucket.wait(this);
  }

  waitMs(calls: number): number {
    return this.#closed ? 0 : this.#bucket.waitMs(calls);
  }

  tokenThere(): void {
    const hook = this.#hook;
    this.#hook = undefined;
    hook?.();
  }

  /** During a reload two configurations share the rate: the one opened last shows it. */
  gauges(): LayerGauges {
    const { perSecond, burst } = this.rate;
    return this.#bucket.rate === this.rate ? { now: { perSecond, burst } } : { now: {} };
  }

  /** Calls that are made later do not wait, and fail in the connector, which is closed. */
  close(): void {
    this.#closed = true;
    this.#deps.buckets.leave(this.#deps.lookup, this);
  }
}
