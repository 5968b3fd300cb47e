import { expect, test } from 'vitest';
import { contenders } from '../../bench/limit/contenders.ts';
import { bestFixed, script, throughput } from '../../bench/limit/downstream.ts';

test('only the adaptive limit of Millrace holds 0.8 of the best fixed limit in each phase of a far end that degrades', () => {
  const best = bestFixed(1);
  const tooLow = Object.entries(contenders).map(([name, create]) => {
    const results = throughput(script, create(), 1);
    const shares = results.map(({ perSecond }, place) => perSecond / (best[place]?.perSecond ?? 0));
    return [name, shares.filter((share) => !(share >= 0.8)).length] as const;
  });
  expect(Object.fromEntries(tooLow)).toEqual({
    millrace: 0,
    AIMD: expect.not.closeTo(0),
    Vegas: expect.not.closeTo(0),
    Gradient2: expect.not.closeTo(0),
  });
}, 120_000);
