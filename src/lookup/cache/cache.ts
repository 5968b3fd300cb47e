import type { CallContext } from '../../core/call/call-context.ts';
import { Cancellation } from '../../core/call/cancellation.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import { argumentsKey } from '../arguments-key.ts';
import type { CacheOptions } from './cache-options.ts';
import { MissedCall, type MissedCallEnds } from './missed-call.ts';
import { CacheStore, detached, type CacheEntry, type StorageTimes } from './cache-store.ts';
import { Answer, type Arguments, type LookupLayer, type LookupLayerEntry } from '../lookup.ts';
import { type Begin, beginOf, serviceOf } from '../service.ts';

type BeginCall = Begin<Arguments, Answer>;
type KeyedCall = Pick<MissedCall<Answer>, 'args' | 'key' | 'calledAt'>;

/** An answer that was used as often as this is fetched again ahead of its end: it will be needed. */
const frequentUses = 3;

/**
 * The layer `cache` of a lookup: it returns a stored answer without a call.
 *
 *     cache: { maxEntries: 10000, ttl: 5m, negativeTtl: 30s, staleWhileRevalidate: 1m, staleIfError: 1h }
 *
 *     const cache = new LookupCache(options, clock, true);
 *     const service = cache.layer(connector.call);
 *
 *     answer ────── ttl ────┬─ staleWhileRevalidate ─┬──────────▶ time
 *         hit               │ stale, and one refresh │ miss: a call
 *                           └───────── staleIfError ─────────┐
 *                                      a call; stale if it fails
 *
 * A fresh answer is immediate: it is returned without a promise. A failure is never kept. A miss is kept for
 * `negativeTtl`, and replaces the answer that was stored for the key. In the last `refreshAhead` of its ttl, an answer
 * in frequent use has a refresh as well. A refresh, the call for a new answer while the
 * old one is used (RFC 5861), belongs to no record; its deadline is that of the record that began it. A key has at most
 * one refresh, and each refresh one timer; apart from that the cache sets no timer.
 */
export class LookupCache implements LookupLayerEntry {
  readonly name = 'cache';
  readonly #options: CacheOptions;
  readonly #clock: Clock;
  readonly #store: CacheStore;
  /** Refreshes under way, by key. */
  readonly #refreshes = new Map<string, Cancellation>();
  /** Calls that go on though their record has left. */
  readonly #late = new Set<MissedCall<Answer>>();
  readonly #runsOn: boolean;
  /** What came last, stored or not. */
  #lastAnswer: Answer | undefined = undefined;
  #lastArgs: Arguments = {};
  /** The key of these arguments, if it is known. */
  #lastKey: string | undefined = undefined;
  /** Of an answer about which the far end says nothing. */
  readonly #usualTimes: StorageTimes;
  /** Of such a miss; undefined if it is not stored. */
  readonly #missTimes: StorageTimes | undefined;
  readonly #counts = { hit: 0, negative: 0, stale: 0, miss: 0, late: 0, refused: 0 };

  /** One for all calls: a miss makes no functions of its own. */
  readonly #ends: MissedCallEnds<Answer> = {
    answered: (call, answer, nowMs) => this.#answered(call, answer, nowMs),
    failed: (call, error) => this.#failed(call, error),
    left: (call, runsOn) => {
      this.#missed(call);
      if (runsOn) this.#late.add(call);
    },
    late: (call, answer) => {
      if (!this.#late.delete(call) || answer === undefined) return;
      this.#counts.late++;
      this.#keep(call, answer);
    },
  };

  /** `runsOn`: calls have a time of their own, so that they may go on when their record has left. */
  constructor(options: CacheOptions, clock: Clock, runsOn: boolean) {
    this.#runsOn = runsOn;
    this.#options = options;
    this.#clock = clock;
    this.#store = new CacheStore(options);
    const { ttl, negativeTtl, staleWhileRevalidate: staleMs, staleIfError: spareMs } = options;
    this.#usualTimes = { freshMs: ttl, staleMs, spareMs };
    this.#missTimes = negativeTtl === 0 ? undefined : { freshMs: negativeTtl, staleMs, spareMs };
  }

  key(args: Arguments): string {
    return argumentsKey(args);
  }

  readonly layer: LookupLayer = (inner) => {
    const begin = beginOf(inner);
    // The time is read below, and only for calls that need it.
    return serviceOf((args, context, receiver) => this.#answer(begin, args, context, receiver));
  };

  #answer(inner: BeginCall, args: Arguments, context: CallContext, receiver: Receiver<Answer>): Answer | Later {
    // Without a stored answer no key is needed: to make it takes longer than to search for it.
    const key = this.#store.size === 0 ? undefined : argumentsKey(args);
    const entry = key === undefined ? undefined : this.#store.use(key);
    if (entry === undefined) return this.#call(inner, key, args, context, receiver);
    const { answer, freshUntil, times } = entry;
    const now = this.#clock.now();
    if (now < freshUntil) {
      if (answer.json === undefined) this.#counts.negative++;
      else {
        this.#counts.hit++;
        entry.uses++;
        if (now >= freshUntil - this.#options.refreshAhead && entry.uses >= frequentUses)
          this.#refresh(inner, entry, args, context);
      }
      return answer;
    }
    if (answer.json === undefined || now >= freshUntil + times.staleMs)
      return this.#call(inner, key, args, context, receiver, knownOf(answer));
    this.#counts.stale++;
    this.#refresh(inner, entry, args, context);
    return new Answer(answer.json, 0, 'stale');
  }

  /**
   * Totals: requests by the state of the cache (`miss`: a call was made for the request), answers that came after their record had
   * left (`late`), and evicted answers.
   */
  gauges() {
    const { size, bytes, evictions } = this.#store;
    return { totals: { ...this.#counts, evictions }, now: { entries: size, bytes } } satisfies LayerGauges;
  }

  /** Cancels the refreshes and the calls that no record waits for, and removes all answers. */
  close(): void {
    const closed = new RecordError('cancelled', 'the lookup is closed');
    for (const refresh of this.#refreshes.values()) refresh.cancel(closed);
    for (const call of this.#late) call.cancel(closed);
    this.#late.clear();
    this.#lastAnswer = undefined;
    this.#lastArgs = {};
    this.#lastKey = undefined;
    this.#store.clear();
  }

  #call(
    inner: BeginCall,
    key: string | undefined,
    args: Arguments,
    context: CallContext,
    receiver: Receiver<Answer>,
    known?: KnownAnswer,
  ): Answer | Later {
    const now = this.#clock.now();
    const call = new MissedCall(context, args, key, now, this.#runsOn, known, this.#ends, receiver);
    let answer: Answer | Later;
    try {
      answer = inner(args, call, call, now);
    } catch (error) {
      return this.#failed(call, error);
    }
    if (answer !== later) return this.#answered(call, answer, undefined);
    call.wait();
    return later;
  }

  #answered(call: MissedCall<Answer>, answer: Answer, nowMs: number | undefined): Answer {
    this.#missed(call);
    // The requests that shared a call get its answer one after the other: it is stored once.
    if (!call.shared || !this.#isLast(call, answer)) this.#keep(call, answer, nowMs);
    return answer;
  }

  #isLast({ key }: MissedCall<Answer>, answer: Answer): boolean {
    if (answer !== this.#lastAnswer) return false;
    this.#lastKey ??= argumentsKey(this.#lastArgs);
    return key === this.#lastKey;
  }

  #keep(call: KeyedCall, answer: Answer, nowMs = this.#clock.now()): void {
    this.#lastAnswer = answer;
    this.#lastArgs = call.args;
    this.#lastKey = undefined;
    const times = this.#timesOf(answer);
    if (times === undefined) {
      if (this.#store.size > 0) this.#store.forget(call.key, call.calledAt);
      return;
    }
    const { json, freshness } = answer;
    const own = json === undefined ? undefined : detached(json);
    this.#lastKey = call.key;
    this.#store.put(call.key, new Answer(own, 0, 'cache', freshness), times, call.calledAt, nowMs);
  }

  /** How long the answer is used; undefined if it is not stored. What its far end says goes before the options. */
  #timesOf({ json, freshness }: Answer): StorageTimes | undefined {
    const usual = json === undefined ? this.#missTimes : this.#usualTimes;
    if (freshness === undefined) return usual;
    if (!freshness.store) {
      this.#counts.refused++;
      return undefined;
    }
    const { freshMs = usual?.freshMs ?? 0, staleWhileRevalidateMs, staleIfErrorMs } = freshness;
    if (json === undefined && freshMs === 0) return undefined;
    const { staleMs, spareMs } = this.#usualTimes;
    return { freshMs, staleMs: staleWhileRevalidateMs ?? staleMs, spareMs: staleIfErrorMs ?? spareMs };
  }

  /** The old answer instead of the failure, if `staleIfError` allows it. Throws the failure otherwise. */
  #failed(call: MissedCall<Answer>, error: unknown): Answer {
    const entry = call.cancelled ? undefined : this.#spareEntry(call.key);
    const failure = RecordError.from(error);
    const now = this.#clock.now();
    const spare = entry !== undefined && now < entry.freshUntil + entry.times.spareMs ? entry.answer.json : undefined;
    if (entry === undefined || spare === undefined || isAboutTheRecord(failure)) {
      this.#missed(call);
      throw error;
    }
    // Without `coalesce` another call of the key may have stored a new answer.
    const isFresh = now < entry.freshUntil;
    if (!call.shared) this.#counts[isFresh ? 'hit' : 'stale']++;
    return new Answer(spare, failure.details.attempts ?? 1, isFresh ? 'cache' : 'stale');
  }

  /** A request that shares a call is counted by the layer `coalesce`. */
  #missed({ shared }: MissedCall<Answer>): void {
    if (!shared) this.#counts.miss++;
  }

  /**
   * The entry whose answer may replace a failure. One without a time for that (`staleIfError: 0`) is neither used nor
   * counted as used: another call of the key may have stored a fresh answer by now.
   */
  #spareEntry(key: string): CacheEntry | undefined {
    const entry = this.#store.find(key);
    return entry !== undefined && entry.freshUntil + entry.times.spareMs > entry.freshUntil
      ? this.#store.use(key)
      : undefined;
  }

  /** Fetches a new answer while the stored one is used, unless that is being done already. */
  #refresh(inner: BeginCall, { key, answer: old }: CacheEntry, args: Arguments, { deadline }: CallContext): void {
    if (this.#refreshes.has(key)) return;
    const refresh = new Refresh(deadline, knownOf(old));
    const calledAt = this.#clock.now();
    const stopTimer =
      deadline === Infinity
        ? undefined
        : this.#clock.setTimer(Math.max(0, Math.ceil(deadline - calledAt)), () => {
            refresh.cancel(new RecordError('timeout', 'the time of the record that began this call ran out'));
          });
    const end = (): void => {
      // A cancelled refresh ends twice: by the cancellation and by its call. The next one may be under way by then.
      if (this.#refreshes.get(key) !== refresh) return;
      this.#refreshes.delete(key);
      stopTimer?.();
    };
    this.#refreshes.set(key, refresh);
    refresh.onCancel(end);
    const keep = (answer: Answer): void => {
      // Ignore an answer that arrives after the refresh was cancelled.
      if (this.#refreshes.get(key) === refresh) this.#keep({ args, key, calledAt }, answer);
      end();
    };
    try {
      // Its failure is counted like that of any call. The next request for the old answer begins another one.
      const answer = inner(args, refresh, { answered: keep, failed: end });
      if (answer !== later) keep(answer);
    } catch {
      end();
    }
  }
}

/** The context of a call that belongs to no record. */
class Refresh extends Cancellation {
  readonly #known: KnownAnswer | undefined;

  constructor(deadline: number, known: KnownAnswer | undefined) {
    super(deadline);
    this.#known = known;
  }

  override get known(): KnownAnswer | undefined {
    return this.#known;
  }
}

/** An answer that its far end can confirm; undefined if it cannot. */
function knownOf({ json, freshness }: Answer): KnownAnswer | undefined {
  if (json === undefined || freshness === undefined || freshness.validators.length === 0) return undefined;
  return { json, validators: freshness.validators, lifetime: freshness.lifetime };
}

/**
 * Whether the failure is about this record, so that another call would fail as well: an argument that cannot be sent, or
 * a status of 400 to 499 except 408 and 429, which are about the server's load.
 */
function isAboutTheRecord({ code, details: { status = 0 } }: RecordError): boolean {
  return code === 'missing_argument' || (status >= 400 && status < 500 && status !== 408 && status !== 429);
}
