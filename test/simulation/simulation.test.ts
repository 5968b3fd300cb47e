import { describe, expect, test } from 'vitest';
import { modes } from './plan.ts';
import { simulateRound } from './simulate.ts';

/** Runs rounds of consecutive seeds, until so many records have gone through them. */
async function simulate(
  firstSeed: number,
  records: number,
  limits: Parameters<typeof simulateRound>[1],
): Promise<number> {
  let done = 0;
  for (let seed = firstSeed; done < records; seed++) done += await simulateRound(seed, limits);
  return done;
}

const minuteMs = 60_000;

describe.each(modes)('seeded faults on the virtual clock: %s', (mode) => {
  test('every rule of the operator holds after every event, over 330,000 records', { timeout: minuteMs }, async () => {
    expect(await simulate(1, 330_000, { level: 'operator', mode })).toBeGreaterThanOrEqual(330_000);
  });
});

test('every rule of the library holds after every event, over 250,000 records', { timeout: minuteMs }, async () => {
  expect(await simulate(1, 250_000, { level: 'library' })).toBeGreaterThanOrEqual(250_000);
});

test.each(['operator', 'library'] as const)('a seed makes the same round of the %s every time', async (level) => {
  const stories: string[][] = [[], []];
  for (const story of stories) await simulateRound(20, { level }, {}, (line) => void story.push(line));
  expect(stories[0]?.length).toBeGreaterThan(100);
  expect(stories[1]).toEqual(stories[0]);
});
