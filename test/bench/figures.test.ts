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
  test('a target is met if the median of the runs is within the bound or equal to it', () => {
    const rows = [
      row(1.35, { atMost: 1.35 }),
      row(1.36, { atMost: 1.35 }),
      row(0.97, { atLeast: 0.97 }),
      row(0.96, { atLeast: 0.97 }),
    ];
    expect(verdicts(rows)).toEqual(['met', 'NOT met', 'met', 'NOT met']);
  });

  test('a figure without a target has no verdict', () => {
    expect(verdicts([row(1)])).toEqual([undefined]);
  });

  test('a target whose figure was not measured is not met', () => {
    expect(verdicts([row(Number.NaN, { atMost: 1 }), row(Number.NaN, { atLeast: 1 })])).toEqual(['NOT met', 'NOT met']);
  });

  test('of two alternative targets one has to be met', () => {
    expect(verdicts([...pair(170, 'ordered'), ...pair(90, 'unordered')])).toEqual([
      'met',
      'not needed',
      'NOT met',
      'NOT met',
    ]);
  });
});
