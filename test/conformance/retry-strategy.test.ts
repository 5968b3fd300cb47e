import { expect, test } from 'vitest';
import { allowsRetry, exponentialBackoff } from '../../src/core/time/backoff.ts';

test('RS-01 an exponential backoff gives the same delays to every record, and ten retries to each', () => {
  const backoff = exponentialBackoff({ initialMs: 100, maxMs: 2000, multiplier: 2 });
  const attempts = Array.from({ length: 10 }, (_, index) => index + 1);
  for (let record = 1; record <= 5; record++) {
    expect(allowsRetry(10, 10)).toBe(true);
    expect(allowsRetry(10, 11)).toBe(false);
    expect(attempts.map((attempt) => backoff.delayMs(attempt))).toEqual([
      100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000,
    ]);
  }
});
