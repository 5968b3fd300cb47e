import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { type VirtualClock, virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import { stack } from '../../../src/lookup/lookup.ts';
import { RateLimit } from '../../../src/lookup/rate-limit/rate-limit.ts';
import { SharedBuckets } from '../../../src/lookup/rate-limit/shared-bucket.ts';
import type { Rate } from '../../../src/core/call/token-bucket.ts';
import { timeout } from '../../../src/lookup/timeout.ts';

/** A lookup with a rate limit, as a configuration opens it. */
class Limited {
  readonly made: string[] = [];
  readonly rateLimit: RateLimit<string, string>;
  readonly limit: Limit<string, string>;
  readonly #call: (request: string, context: Cancellation) => Promise<string>;

  constructor(clock: VirtualClock, rate: Rate, buckets = new SharedBuckets()) {
    this.rateLimit = new RateLimit<string, string>(rate, { lookup: 'airport', clock, buckets });
    this.limit = new Limit<string, string>(this.rateLimit.gate(undefined));
    const service = stack<string, string>(
      (request) => {
        this.made.push(`${request} ${clock.now()}`);
        return request.toUpperCase();
      },
      this.limit.layer,
      this.rateLimit.layer,
      timeout({ timeoutMs: 10, clock }),
    );
    this.#call = async (request, context) => service(request, context);
  }

  ask(request: string, context = new Cancellation()): Promise<string> {
    return this.#call(request, context);
  }

  close(): void {
    this.limit.close();
    this.rateLimit.close();
  }
}

describe('a call over the rate', () => {
  test('waits for a token, is not an error, and its wait does not count against the time of its attempt', async () => {
    const clock = virtualClock();
    const limited = new Limited(clock, { perSecond: 4, burst: 2 });
    const answers = ['a', 'b', 'c', 'd'].map((request) => limited.ask(request));
    expect([limited.made, limited.limit.waiting]).toEqual([['a 0', 'b 0'], 2]);
    await clock.advance(1000);
    expect(await Promise.all(answers)).toEqual(['A', 'B', 'C', 'D']);
    expect(limited.made.slice(2)).toEqual(['c 250', 'd 500']);
    expect(clock.timers).toBe(0);
  });

  test('reports its wait at a limit, and its beginning, which starts the clock of its record', async () => {
    const clock = virtualClock();
    const limited = new Limited(clock, { perSecond: 1, burst: 1 });
    const reports: string[] = [];
    const context = new (class extends Cancellation {
      override limitWaiting(delta: 1 | -1): void {
        reports.push(`limit ${delta} at ${clock.now()}`);
      }

      override callBegins(): void {
        reports.push(`begins at ${clock.now()}`);
      }
    })();
    void limited.ask('a');
    void limited.ask('b', context);
    await clock.advance(1000);
    expect(reports).toEqual(['limit 1 at 0', 'limit -1 at 1000', 'begins at 1000']);
  });

  test('that is cancelled while it waits takes no token', async () => {
    const clock = virtualClock();
    const limited = new Limited(clock, { perSecond: 1, burst: 1 });
    const context = new Cancellation();
    void limited.ask('a');
    const cancelled = limited.ask('b', context);
    const other = limited.ask('c');
    context.cancel(new RecordError('cancelled', 'client gone'));
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    await clock.advance(1000);
    expect([await other, limited.made]).toEqual(['C', ['a 0', 'c 1000']]);
  });
});

test('over ten minutes of calls that wait, exactly perSecond calls begin in each second', async () => {
  const clock = virtualClock();
  const limited = new Limited(clock, { perSecond: 7, burst: 1 });
  const answers = Array.from({ length: 4201 }, (_, n) => limited.ask(String(n)));
  await clock.advance(600_000);
  expect(limited.made).toHaveLength(4201);
  await Promise.all(answers);
});

test('streams take turns for the tokens: a greedy one gets no more than a small one', async () => {
  const clock = virtualClock();
  const limited = new Limited(clock, { perSecond: 10, burst: 1 });
  const [large, small] = [new InputEnd(), new InputEnd()];
  for (let n = 0; n < 1000; n++) void limited.ask('large', new Cancellation(Infinity, 1, large));
  for (let n = 0; n < 10; n++) void limited.ask('small', new Cancellation(Infinity, 1, small));
  await clock.advance(2000);
  const of = (name: string): number => limited.made.filter((made) => made.startsWith(name)).length;
  expect([of('small'), of('large')]).toEqual([10, 11]);
});

test('a call that waits for a connection keeps no token from a call that has one', async () => {
  const clock = virtualClock();
  const rateLimit = new RateLimit<string, string>(
    { perSecond: 1, burst: 2 },
    { lookup: 'airport', clock, buckets: new SharedBuckets() },
  );
  let free = 0;
  let freed: (() => void) | undefined;
  const gate = rateLimit.gate({
    get open() {
      return free > 0;
    },
    whenOpen(hook) {
      freed = hook;
    },
  });
  const made: number[] = [];
  const service = stack<string, string>(
    (request) => {
      free--;
      made.push(clock.now());
      return request;
    },
    new Limit<string, string>(gate).layer,
    rateLimit.layer,
  );
  for (const request of ['a', 'b', 'c']) void service(request, new Cancellation());
  await clock.advance(60_000);
  free = 3;
  freed?.();
  // Nothing has begun for a minute, so the bucket is full: two calls, not three.
  expect(made).toEqual([60_000, 60_000]);
  await clock.advance(1000);
  expect(made).toEqual([60_000, 60_000, 61_000]);
});

describe('a reload', () => {
  test('never doubles the rate: old and new streams share one bucket, with the new rate, and take turns', async () => {
    const clock = virtualClock();
    const buckets = new SharedBuckets();
    const before = new Limited(clock, { perSecond: 10, burst: 2 }, buckets);
    for (let n = 0; n < 100; n++) void before.ask('old');
    const after = new Limited(clock, { perSecond: 4, burst: 1 }, buckets);
    for (let n = 0; n < 100; n++) void after.ask('new');
    expect([before.made, after.made]).toEqual([['old 0', 'old 0'], []]);
    await clock.advance(10_000);
    expect([before.made.length - 2, after.made.length]).toEqual([20, 20]);
    expect([before.rateLimit.gauges(), after.rateLimit.gauges()]).toEqual([
      { now: {} },
      { now: { perSecond: 4, burst: 1 } },
    ]);
  });

  test('that is refused gives the old rate back', async () => {
    const clock = virtualClock();
    const buckets = new SharedBuckets();
    const before = new Limited(clock, { perSecond: 10, burst: 1 }, buckets);
    for (let n = 0; n < 100; n++) void before.ask('old');
    const after = new Limited(clock, { perSecond: 1, burst: 1 }, buckets);
    after.close();
    await clock.advance(1000);
    expect(before.made).toHaveLength(11);
    expect(before.rateLimit.gauges()).toEqual({ now: { perSecond: 10, burst: 1 } });
  });
});

test('closing rejects the calls that wait, stops the timer, and lets later calls fail in the connector', async () => {
  const clock = virtualClock();
  const limited = new Limited(clock, { perSecond: 0.001, burst: 1 });
  const answers = Promise.allSettled([limited.ask('a'), limited.ask('b')]);
  limited.close();
  expect(await answers).toMatchObject([{ value: 'A' }, { reason: { code: 'cancelled' } }]);
  expect(clock.timers).toBe(0);
  expect(await limited.ask('c')).toBe('C');
});
