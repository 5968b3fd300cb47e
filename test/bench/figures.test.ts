import { describe, expect, test } from 'vitest';
import { spreadOf, verdicts, type Row } from '../../bench/figures.ts';

const row = (median: number, target?: Row['target'], either?: string): Row => ({
  what: 'a figure',
  value: spreadOf([median]),
  unit: '×',
  ...(target === undefined ? {} : { target }),
  ...(either === undefined ? {} : { either }),
});

const pair = (rate: number, mode: string): Row[] => [
  row(rate, { atLeast: 100 }, mode),
  row(0.2, { atLeast: 0.5 }, mode),
];

describe('verdicts', () => {
  test('the middle of the runs has to be within the bound, which counts as within', () => {
    const rows = [
      row(1.35, { atMost: 1.35 }),
      row(1.36, { atMost: 1.35 }),
      row(0.97, { atLeast: 0.97 }),
      row(0.96, { atLeast: 0.97 }),
    ];
    expect(verdicts(rows)).toEqual(['met', 'NOT met', 'met', 'NOT met']);
  });

  test('what has no target has no verdict', () => {
    expect(verdicts([row(1)])).toEqual([undefined]);
  });

  test('what was not measured is not met', () => {
    expect(verdicts([row(Number.NaN, { atMost: 1 }), row(Number.NaN, { atLeast: 1 })])).toEqual(['NOT met', 'NOT met']);
  });

  test('of two targets that stand for each other one is enough, and none is not', () => {
    expect(verdicts([...pair(170, 'ordered'), ...pair(90, 'unordered')])).toEqual([
      'met',
      'not needed',
      'NOT met',
      'NOT met',
    ]);
  });
});
