import { expect, test } from 'vitest';
import { keyedWait, orderedWait, Watermark, type Checkpoint } from '../../src/index.ts';
import { ascending, collect, double, Held, settled } from './stream.ts';

const timeout = 1000;

test('AWO-06 restored: the inputs of the snapshot come first, then new ones, all in order', async () => {
  const state = { next: 4, pending: [1, 2, 3, 4].map((input, seq) => ({ seq, input })) };
  const restored = orderedWait([5, 6, 7, 8], double, { timeout, capacity: 6, resumeFrom: state });
  expect(await collect(restored)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
});

test('AWO-06 the snapshot of ordered records has the position of the first one that runs (departs: no record is pending)', async () => {
  const inputs = [1, 2, 3, 4, 5, 6, 7, 8];
  const checkpoints: Checkpoint<number>[] = [];
  const held = new Held<number>();
  const onCheckpoint = (checkpoint: Checkpoint<number>) => void checkpoints.push(checkpoint);
  const results = orderedWait(inputs, held, { timeout, capacity: 4, onCheckpoint });
  const first = results.next();
  held.results.get(1)?.complete([2]);
  expect((await first).value).toBe(2);
  const second = results.next();
  await results.return();
  await second;
  expect(checkpoints).toEqual([{ next: 1, pending: [] }]);
  const [resumeFrom] = checkpoints;
  if (resumeFrom === undefined) throw new Error('there is no checkpoint');
  const rest = orderedWait(inputs.slice(resumeFrom.next), double, { timeout, capacity: 6, resumeFrom });
  expect(await collect(rest)).toEqual([4, 6, 8, 10, 12, 14, 16]);
});

test('TKA-06 restored: pending records are emitted before the watermarks that follow them', async () => {
  const checkpoints: Checkpoint<number>[] = [];
  const held = new Held<number>();
  const options = { timeout, capacity: 10, key: String };
  const onCheckpoint = (checkpoint: Checkpoint<number>) => void checkpoints.push(checkpoint);
  const results = keyedWait([1, 2, 3, 4, 0], held, { ...options, onCheckpoint });
  const first = results.next();
  held.results.get(0)?.complete([0]);
  expect((await first).value).toBe(0);
  const second = results.next();
  await results.return();
  await second;
  const [resumeFrom] = checkpoints;
  expect(resumeFrom).toEqual({ next: 5, pending: [1, 2, 3, 4].map((input, seq) => ({ seq, input })) });
  if (resumeFrom === undefined) throw new Error('there is no checkpoint');
  const source = [new Watermark(1000), 5, 6, 7, 8, new Watermark(Number.MAX_SAFE_INTEGER)];
  const out = await collect(keyedWait(source, double, { ...options, capacity: 3, resumeFrom }));
  await settled();
  const numbers = out.map((item) => (typeof item === 'number' ? item : Number.NaN));
  expect([out[4], out[9]]).toEqual([source[0], source[5]]);
  expect(ascending(numbers.slice(0, 4))).toEqual([2, 4, 6, 8]);
  expect(ascending(numbers.slice(5, 9))).toEqual([10, 12, 14, 16]);
});
