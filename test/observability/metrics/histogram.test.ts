import { array, assert, constantFrom, double, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DurationHistogram, publishedBoundsMs } from '../../../src/observability/metrics/histogram.ts';
import { SizeHistogram } from '../../../src/observability/metrics/size-histogram.ts';

describe('a histogram of durations', () => {
  test('counts under each published bound exactly the durations that are not longer', () => {
    assert(
      property(array(double({ min: 0, max: 200_000, noNaN: true })), (durations) => {
        const histogram = new DurationHistogram();
        for (const ms of durations) histogram.record(ms);
        expect(histogram.cumulative()).toEqual(
          publishedBoundsMs.map((bound) => durations.filter((ms) => ms <= bound).length),
        );
        expect(histogram.count).toBe(durations.length);
      }),
    );
  });

  test('counts a duration that equals a bound under that bound', () => {
    for (const [place, bound] of publishedBoundsMs.entries()) {
      const histogram = new DurationHistogram();
      histogram.record(bound);
      histogram.record(bound * (1 + Number.EPSILON));
      expect(histogram.cumulative()).toEqual(
        publishedBoundsMs.map((_, at) => {
          if (at < place) return 0;
          return at === place ? 1 : 2;
        }),
      );
    }
  });

  test('returns quantiles that lie in the same bucket as those of the sorted durations', () => {
    const durations = array(double({ min: 0.2, max: 90_000, noNaN: true }), { minLength: 1, maxLength: 300 });
    assert(
      property(durations, constantFrom(0.5, 0.9, 0.99), (given, q) => {
        const histogram = new DurationHistogram();
        for (const ms of given) histogram.record(ms);
        const exact = given.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * given.length) - 1)] ?? 0;
        const estimate = histogram.quantileMs(q) ?? Number.NaN;
        // Both are in one bucket, and a bucket is at most 20 per cent wide.
        expect(Math.max(estimate, exact) / Math.min(estimate, exact)).toBeLessThan(1.21);
      }),
    );
  });

  test('has no quantile before the first duration', () => {
    expect(new DurationHistogram().quantileMs(0.5)).toBeUndefined();
  });

  test('counts a negative duration and NaN as zero', () => {
    const histogram = new DurationHistogram();
    histogram.record(-1);
    histogram.record(Number.NaN);
    expect(histogram.count).toBe(2);
    expect(histogram.sumMs).toBe(0);
    expect(histogram.cumulative()[0]).toBe(2);
  });
});

describe('a histogram of sizes', () => {
  test('counts each size in the buckets of 1, 2 and 5 times a power of ten that it fits into', () => {
    const sizes = new SizeHistogram();
    for (const size of [1, 2, 3, 50, 51, 10_000, 10_001]) sizes.record(size);
    expect(Object.fromEntries(sizes.bounds.map((bound, place) => [bound, sizes.cumulative()[place]]))).toMatchObject({
      1: 1,
      2: 2,
      5: 3,
      20: 3,
      50: 4,
      100: 5,
      5000: 5,
      10_000: 6,
    });
    expect([sizes.count, sizes.sum]).toEqual([7, 20_108]);
  });
});
