import { expect, test } from 'vitest';
import { protectionRound } from './protection-round.ts';
import { simulateRound } from './simulate.ts';

test('under seeded faults no call is made while the breaker is open, one probe at a time, limit and rate hold, and each record has one outcome', async () => {
  const all: Record<string, number> = {};
  for (let seed = 1; seed <= 150; seed++) {
    // oxlint-disable-next-line no-await-in-loop
    const { outcomes, broken } = await protectionRound(seed);
    expect({ seed, broken }).toEqual({ seed, broken: [] });
    for (const [outcome, count] of Object.entries(outcomes)) all[outcome] = (all[outcome] ?? 0) + count;
  }
  // The faults have happened.
  expect(Object.keys(all)).toEqual(
    expect.arrayContaining(['answer', 'breaker_open', 'cancelled', 'unreachable', 'timeout']),
  );
});

test('the command runs the same rounds with --level protection', async () => {
  const { records } = await protectionRound(3);
  expect(await simulateRound(3, { level: 'protection' })).toBe(records);
});
