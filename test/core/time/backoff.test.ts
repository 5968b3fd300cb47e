import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { allowsRetry, exponentialBackoff, fixedDelay, withFullJitter } from '../../../src/core/time/backoff.ts';

const options = fc.record({
  initialMs: fc.integer({ min: 0, max: 10_000 }),
  maxMs: fc.integer({ min: 0, max: 3_600_000 }),
  multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
});
const attempt = fc.integer({ min: 1, max: 1000 });

test('an exponential delay never shrinks, never exceeds its maximum, and is the same at every call', () => {
  fc.assert(
    fc.property(options, attempt, (given, number) => {
      const backoff = exponentialBackoff(given);
      const delay = backoff.delayMs(number);
      expect(delay).toBeLessThanOrEqual(given.maxMs);
      expect(delay).toBeGreaterThanOrEqual(Math.min(given.initialMs, given.maxMs));
      expect(backoff.delayMs(number + 1)).toBeGreaterThanOrEqual(delay);
      expect(backoff.delayMs(number)).toBe(delay);
    }),
  );
});

test('full jitter multiplies the delay by a random number, with a new one for each call', () => {
  const chances = [0, 0.5, 0.999];
  const backoff = withFullJitter(fixedDelay(1000), () => chances.shift() ?? 0);
  expect([1, 2, 3].map((number) => backoff.delayMs(number))).toEqual([0, 500, 999]);
});

test('the first call does not count as a retry', () => {
  expect([1, 2, 3].map((number) => allowsRetry(2, number))).toEqual([true, true, false]);
  expect(allowsRetry(0, 1)).toBe(false);
});
