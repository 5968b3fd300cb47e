import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { heavyTailMicros, orderedOptimum, unorderedOptimum } from '../../bench/simulation.ts';

const latencies = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 300 });
const capacity = fc.integer({ min: 1, max: 120 });

test('at equal latencies both orders take records ÷ capacity × latency', () => {
  const equal = Array.from({ length: 1000 }, () => 10);
  expect(orderedOptimum(equal, 100)).toBe(100);
  expect(unorderedOptimum(equal, 100)).toBe(100);
});

test('unordered, a slow call holds up only its own slot; ordered, it holds up all later calls', () => {
  expect(orderedOptimum([100, 1, 1, 1], 2)).toBe(101);
  expect(unorderedOptimum([100, 1, 1, 1], 2)).toBe(100);
});

test('with a capacity of one the calls run one after the other', () => {
  fc.assert(
    fc.property(latencies, (list) => {
      const sum = list.reduce((a, b) => a + b, 0);
      expect(orderedOptimum(list, 1)).toBe(sum);
      expect(unorderedOptimum(list, 1)).toBe(sum);
    }),
  );
});

test('ordered is never faster than unordered, and no order is faster than total work ÷ slots or the longest call', () => {
  fc.assert(
    fc.property(latencies, capacity, (list, slots) => {
      const floor = Math.max(list.reduce((a, b) => a + b, 0) / slots, ...list);
      expect(unorderedOptimum(list, slots)).toBeGreaterThanOrEqual(floor - 1e-9);
      expect(orderedOptimum(list, slots)).toBeGreaterThanOrEqual(unorderedOptimum(list, slots) - 1e-9);
    }),
  );
});

test('the same seed gives the same latencies, within their bounds', () => {
  const list = heavyTailMicros(10_000, 7);
  expect(heavyTailMicros(10_000, 7)).toEqual(list);
  expect(Math.min(...list)).toBeGreaterThanOrEqual(5000);
  expect(Math.max(...list)).toBeLessThanOrEqual(250_000);
});
