import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/core/call/token-bucket.ts';

/** The times of the first `calls` calls, each made as soon as whole milliseconds allow, from `nowMs` on. */
function eager(bucket: TokenBucket, calls: number, nowMs = 0): number[] {
  const times: number[] = [];
  let now = nowMs;
  while (times.length < calls) {
    now += bucket.waitMs(now);
    bucket.take(now);
    times.push(now);
  }
  return times;
}

describe('a bucket', () => {
  test('gives its burst at once, and then one token every 1000 / perSecond ms', () => {
    expect(eager(new TokenBucket({ perSecond: 10, burst: 3 }), 7)).toEqual([0, 0, 0, 100, 200, 300, 400]);
  });

  test('gives a call in two seconds with perSecond 0.5', () => {
    expect(eager(new TokenBucket({ perSecond: 0.5, burst: 1 }), 3)).toEqual([0, 2000, 4000]);
  });

  test('says when the tokens of several calls will be there', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    expect([1, 3, 4, 13].map((tokens) => bucket.waitMs(0, tokens))).toEqual([0, 0, 0, 0]);
    eager(bucket, 4);
    expect([1, 2, 5].map((tokens) => bucket.waitMs(150, tokens))).toEqual([50, 150, 450]);
  });

  test('is full again after a quiet period, and no more than full', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    eager(bucket, 3);
    expect(eager(bucket, 5, 10_000)).toEqual([10_000, 10_000, 10_000, 10_100, 10_200]);
  });

  test.each([
    [3, 1],
    [7, 1],
    [333, 1],
    [999.5, 1],
    [1_000_000, 100_000],
    [0.3, 2],
  ])('with perSecond %d and burst %d gives exactly perSecond over time, whatever its fractions', (perSecond, burst) => {
    const calls = 20_000;
    const times = eager(new TokenBucket({ perSecond, burst }), calls + burst);
    const expectedMs = (calls * 1000) / perSecond;
    expect(Math.abs((times.at(-1) ?? 0) - expectedMs)).toBeLessThanOrEqual(1);
  });

  test('gives at most burst + perSecond × t tokens in any interval, for calls at any times', () => {
    const rates = fc.record({
      perSecond: fc.double({ min: 0.1, max: 5000, noNaN: true }),
      burst: fc.integer({ min: 1, max: 50 }),
    });
    const gaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 })), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(rates, gaps, (rate, gapsMs) => {
        const bucket = new TokenBucket(rate);
        const taken: number[] = [];
        let now = 0;
        for (const gap of gapsMs) {
          now += gap;
          if (bucket.waitMs(now) > 0) continue;
          bucket.take(now);
          taken.push(now);
        }
        for (const [first, from] of taken.entries()) {
          for (const [last, to] of taken.entries()) {
            if (last < first) continue;
            const most = rate.burst + (rate.perSecond * (to - from + 1)) / 1000;
            expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
          }
        }
      }),
    );
  });
});

describe('a new rate', () => {
  test('holds from now on, and keeps the tokens that are there', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 4 });
    eager(bucket, 2);
    bucket.setRate({ perSecond: 100, burst: 10 }, 0);
    expect(eager(bucket, 4)).toEqual([0, 0, 10, 20]);
  });

  test('with a smaller burst drops the tokens that have no room', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 100 });
    bucket.setRate({ perSecond: 10, burst: 1 }, 0);
    expect(eager(bucket, 3)).toEqual([0, 100, 200]);
  });

  test('leaves an empty bucket empty', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 });
    eager(bucket, 1);
    bucket.setRate({ perSecond: 1000, burst: 500 }, 0);
    expect(eager(bucket, 2)).toEqual([1, 2]);
  });
});
