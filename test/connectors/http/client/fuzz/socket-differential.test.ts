import { expect, test } from 'vitest';
import { certificate } from '../both-ends.ts';
import { compareOverSockets } from './socket-differential.ts';
import { faults } from './socket-play.ts';

test.each([
  ['http', 150, [...faults]],
  ['https', 30, ['none']],
] as const)(
  'over %s callers see the same as with undici, whatever breaks or is sent unasked, but for the differences that have a name',
  async (protocol, count, seenAlike) => {
    const { alike, different, unexplained, taken } = await compareOverSockets(protocol, certificate(), {
      seed: 42,
      count,
    });
    expect(unexplained).toEqual([]);
    expect(Object.keys(alike)).toEqual(expect.arrayContaining([...seenAlike]));
    // Enough of the first answers are whole, so that the calls behind them say something.
    expect(taken).toBeGreaterThan(count / 3);
    const sum = [...Object.values(alike), ...Object.values(different)].reduce((all, one) => all + one, 0);
    expect(sum).toBe(count);
  },
);
