import { Cancellation, type CallContext } from '../core/call/call-context.ts';
import { RecordError } from '../core/errors.ts';
import type { LayerGauges } from '../core/observer/observer.ts';
import type { Clock } from '../core/time/time.ts';
import { cacheKey } from './cache-key.ts';
import type { CacheOptions } from './cache-options.ts';
import { CacheStore, detached, type Held } from './cache-store.ts';
import { Answer, type Arguments, type LookupLayer, type LookupLayerEntry, type LookupService } from './lookup.ts';

/**
 * The layer `cache` of a lookup: gives an answer again without a call.
 *
 *     answered ──── ttl ────┬─ staleWhileRevalidate ─┬──────────▶ time
 *         hit               │ stale, and one call    │ miss: a call
 *                           └───────── staleIfError ─────────┐
 *                                      a call; stale where it fails
 *
 * What is fresh is given at once, without a promise. A failure is never kept; a miss only for `negativeTtl`, and it
 * ends what was known of the key before. The call for a new answer while an old one is given (RFC 5861) belongs to no
 * record; it has the time that was left to the record that began it. There is one for each key, and one timer for each
 * of them; else no timer is set, and nothing runs.
 */
export class LookupCache implements LookupLayerEntry {
  readonly name = 'cache';
  readonly #options: CacheOptions;
  readonly #clock: Clock;
  readonly #store: CacheStore;
  /** Calls that belong to no record, by the key they are for. */
  readonly #refreshes = new Map<string, Cancellation>();
  readonly #counts = { hit: 0, negative: 0, stale: 0, miss: 0 };

  constructor(options: CacheOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#store = new CacheStore(options.maxEntries);
  }

  readonly layer: LookupLayer = (inner) => (args, context) => {
    const key = cacheKey(args);
    const held = this.#store.use(key);
    if (held === undefined) return this.#call(inner, key, args, context);
    const { answer, freshUntil } = held;
    const now = this.#clock.now();
    if (now < freshUntil) {
      if (answer.json === undefined) this.#counts.negative++;
      else this.#counts.hit++;
      return answer;
    }
    if (answer.json === undefined || now >= freshUntil + this.#options.staleWhileRevalidate) {
      return this.#call(inner, key, args, context);
    }
    this.#counts.stale++;
    if (!this.#refreshes.has(key)) this.#refresh(inner, held.key, args, context);
    return new Answer(answer.json, 0, 'stale');
  };

  /** Totals are requests by what the cache knew (`miss`: they went on), and answers that had to make room. */
  gauges() {
    const { size, evictions } = this.#store;
    return { totals: { ...this.#counts, evictions }, now: { entries: size } } satisfies LayerGauges;
  }

  /** Calls that belong to no record are cancelled, and everything is forgotten. */
  close(): void {
    for (const refresh of this.#refreshes.values())
      refresh.cancel(new RecordError('cancelled', 'the lookup is closed'));
    this.#store.clear();
  }

  #call(inner: LookupService, key: string, args: Arguments, context: CallContext): Answer | Promise<Answer> {
    const askedAt = this.#clock.now();
    let answer: Answer | Promise<Answer>;
    try {
      answer = inner(args, context);
    } catch (error) {
      return this.#failed(key, error, context);
    }
    if (!(answer instanceof Promise)) return this.#answered(key, answer, askedAt);
    return answer.then(
      (given) => this.#answered(key, given, askedAt),
      (error: unknown) => this.#failed(key, error, context),
    );
  }

  #answered(key: string, answer: Answer, askedAt: number): Answer {
    this.#counts.miss++;
    this.#keep(key, answer, askedAt);
    return answer;
  }

  #keep(key: string, { json }: Answer, askedAt: number): void {
    const { ttl, negativeTtl } = this.#options;
    const now = this.#clock.now();
    if (json !== undefined) this.#store.put(key, new Answer(detached(json), 0, 'cache'), now + ttl, askedAt);
    else if (negativeTtl > 0) this.#store.put(key, new Answer(undefined, 0, 'cache'), now + negativeTtl, askedAt);
    else this.#store.forget(key, askedAt);
  }

  /** The old answer in place of the failure, where that is wanted and there is one. */
  #failed(key: string, error: unknown, context: CallContext): Answer {
    const held = this.#options.staleIfError > 0 && !context.cancelled ? this.#store.use(key) : undefined;
    const failure = RecordError.from(error);
    if (held?.answer.json === undefined || !this.#spared(held) || saysSomethingOfTheRecord(failure)) {
      this.#counts.miss++;
      throw error;
    }
    this.#counts.stale++;
    return new Answer(held.answer.json, failure.details.attempts ?? 1, 'stale');
  }

  #spared({ freshUntil }: Held): boolean {
    return this.#clock.now() < freshUntil + this.#options.staleIfError;
  }

  #refresh(inner: LookupService, key: string, args: Arguments, { deadline }: CallContext): void {
    const refresh = new Cancellation(deadline);
    const askedAt = this.#clock.now();
    const stopTimer =
      deadline === Infinity
        ? undefined
        : this.#clock.setTimer(Math.max(0, Math.ceil(deadline - askedAt)), () => {
            refresh.cancel(new RecordError('timeout', 'the time of the record that began this call ran out'));
          });
    const end = (): void => {
      // One that was cut off ends twice, and its successor may be under way by then.
      if (this.#refreshes.get(key) !== refresh) return;
      this.#refreshes.delete(key);
      stopTimer?.();
    };
    this.#refreshes.set(key, refresh);
    refresh.onCancel(end);
    const keep = (answer: Answer): void => {
      // What comes after it was cut off is nobody's.
      if (this.#refreshes.get(key) === refresh) this.#keep(key, answer, askedAt);
      end();
    };
    try {
      const answer = inner(args, refresh);
      // Its failure is counted as a call's is; the next request for the old answer tries again.
      if (answer instanceof Promise) answer.then(keep, end);
      else keep(answer);
    } catch {
      end();
    }
  }
}

/** A status of 4xx, but for those that ask for patience, and an argument that can not be sent: no call would do better. */
function saysSomethingOfTheRecord({ code, details: { status = 0 } }: RecordError): boolean {
  return code === 'missing_argument' || (status >= 400 && status < 500 && status !== 408 && status !== 429);
}
