import { onTestFinished } from 'vitest';
import type { CallContext } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock, type VirtualClock } from '../../../src/core/time/virtual-clock.ts';
import { LookupCache } from '../../../src/lookup/cache/cache.ts';
import { cacheOptions } from '../../../src/lookup/cache/cache-options.ts';
import { Answer, type Argument, type Arguments } from '../../../src/lookup/lookup.ts';

/** A call of the lookup, which the test answers. */
export interface Call {
  readonly key: Argument | undefined;
  readonly context: CallContext;
  /** Undefined is a miss. */
  answer(json: string | undefined): void;
  fail(error: unknown): void;
}

type CacheGauges = ReturnType<LookupCache['gauges']>;
type CacheCounts = CacheGauges['totals'] & CacheGauges['now'];

export interface Cached {
  readonly clock: VirtualClock;
  readonly cache: LookupCache;
  /** All calls so far. */
  readonly calls: readonly Call[];
  /** The answer of the lookup to every call, at once; undefined if the test answers each call. */
  says: ((key: Argument | undefined) => string | undefined) | undefined;
  /** Whether calls wait at a limit: they do not begin. */
  waits: boolean;
  readonly counts: () => CacheCounts;
  ask(key: Argument | Arguments, context?: CallContext): Answer | Promise<Answer>;
  /** The last call of the lookup. */
  readonly last: Call;
}

/** A cache with these options before a lookup with the argument `key`, on a virtual clock. */
export function cached(options: object, runsOn = true): Cached {
  const clock = virtualClock();
  const calls: Call[] = [];
  const cache = new LookupCache(cacheOptions.parse(options), clock, runsOn);
  onTestFinished(() => cache.close());
  const service = cache.layer((args, context) => {
    const key = args['key'];
    if (it.says !== undefined) return new Answer(it.says(key));
    if (!it.waits) context.callBegins();
    return new Promise((resolve, reject) => {
      context.onCancel(reject);
      calls.push({ key, context, answer: (json) => resolve(new Answer(json)), fail: reject });
    });
  });
  const it: Cached = {
    clock,
    cache,
    calls,
    says: undefined,
    waits: false,
    counts: () => {
      const { totals, now } = cache.gauges();
      return { ...totals, ...now };
    },
    ask: (key, context = new Cancellation()) => service(isArguments(key) ? key : { key }, context),
    get last() {
      const call = calls.at(-1);
      if (call === undefined) throw new Error('the lookup was not called');
      return call;
    },
  };
  return it;
}

function isArguments(key: Argument | Arguments): key is Arguments {
  return typeof key === 'object' && !('source' in key);
}

/** The answer, or the error as a RecordError. */
export async function outcome(answer: () => Answer | Promise<Answer>): Promise<Answer | RecordError> {
  try {
    return await answer();
  } catch (error) {
    return RecordError.from(error);
  }
}

/** Requests the key and answers the call that this makes. */
export async function fill(it: Cached, key: Argument, json: string | undefined): Promise<void> {
  const before = it.calls.length;
  const answer = it.ask(key);
  if (it.calls.length !== before + 1) throw new Error(`no call was made for ${JSON.stringify(key)}`);
  it.last.answer(json);
  await answer;
}
