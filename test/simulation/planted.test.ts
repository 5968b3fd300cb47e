import { expect, test } from 'vitest';
import { plantedInTime } from './defects-of-time.ts';
import { planted } from './defects.ts';
import { FailedRound, simulateRound } from './simulate.ts';

const rounds = 30;

test.each([...planted, ...plantedInTime])('$rule finds $what', async ({ rule, plan, plant }) => {
  let found: unknown;
  for (let seed = 1; seed <= rounds && found === undefined; seed++) {
    found = await simulateRound(seed, { level: 'operator', ...plan }, plant()).catch((error: unknown) => error);
    if (typeof found === 'number') found = undefined;
  }
  expect(found).toBeInstanceOf(FailedRound);
  expect(found).toMatchObject({ rule, message: expect.stringMatching(/^seed \d+ [^]*npm run simulate -- --seed \d+/) });
});
