import { expect, test } from 'vitest';
import { nearest } from '../../src/core/nearest.ts';

test.each([
  ['tets', ['test', 'flights'], 'test'],
  ['Capacity', ['capacity'], 'capacity'],
  ['enrichment', ['enrich', 'mode'], undefined],
  ['x', ['a', 'b'], undefined],
  ['anything', [], undefined],
])('the nearest word to %s among %j is suggested, if it is near enough', (given, words, expected) => {
  expect(nearest(given, words)).toBe(expected);
});
