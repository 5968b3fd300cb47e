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

test('a slow call holds up the calls that would need its slot, and in order all of them', () => {
  expect(orderedOptimum([100, 1, 1, 1], 2)).toBe(101);
  expect(unorderedOptimum([100, 1, 1, 1], 2)).toBe(100);
});

test('with a capacity of one the calls follow each other', () => {
  fc.assert(
    fc.property(latencies, (list) => {
      const sum = list.reduce((a, b) => a + b, 0);
      expect(orderedOptimum(list, 1)).toBe(sum);
      expect(unorderedOptimum(list, 1)).toBe(sum);
    }),
  );
});

test('order costs time or nothing, and nobody beats the work to be done or the longest call', () => {
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
