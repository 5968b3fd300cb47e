import { expect, test } from 'vitest';
import { settled } from '../../src/core/time/later-turn.ts';
import { pipelineOf } from './harness.ts';

test('the work of the memory budget is outstanding work: settled waits for all its turns', async () => {
  const { memory } = pipelineOf([], []);
  memory.limitBytes = 100;
  const full = memory.open(() => {});
  full.body(100, false);
  let resumed = 0;
  // More streams than the budget serves in two turns.
  for (let stream = 0; stream < 40; stream += 1) memory.open(() => (resumed += 1)).mayGoOn(false);
  await settled();
  full.body(0, false);
  await settled();
  expect(resumed).toBe(40);
});
