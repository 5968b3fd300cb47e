import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { httpEnd } from '../connectors/http/far-end.ts';
import { linesOf, startInProcess } from './in-process.ts';

test('a limit with observe is computed and shown, and no call waits for it', async () => {
  const records = 30;
  const held: (() => void)[] = [];
  const { origin } = await httpEnd((_, response) => void held.push(() => response.end('{}')));
  const concurrency = { adaptive: { min: 2, max: 200 }, observe: true };
  const { enrich, admin } = await startInProcess(
    { far: { http: { url: `${origin}/{key}` }, concurrency } },
    { capacity: records, enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] },
  );
  const allHeld = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop
    while (held.length < records) await turn();
  };
  const body = (first: number): string =>
    Array.from({ length: records }, (_, number) => `{"key":${first + number}}\n`).join('');
  const shown = async () => {
    const { lookups } = await admin.state();
    const metrics = [
      await admin.metric('millrace_lookup_concurrency_limit'),
      await admin.metric('millrace_lookup_concurrency_min'),
    ];
    return { far: lookups['far'], metrics };
  };

  // The limit begins at 20, and 30 calls run.
  const first = enrich(body(0));
  await allHeld();
  expect(await shown()).toMatchObject({
    far: { queued: 0, concurrency: { limit: 20, running: records, min: 2 } },
    metrics: [20, 2],
  });
  for (const answer of held.splice(0)) answer();
  expect(linesOf(await first)).toHaveLength(records);

  // Enough round trips, and the limit is another one. Still all calls run at the same time.
  for (let round = 1; round <= 8; round++) {
    const next = enrich(body(records * round));
    // oxlint-disable-next-line no-await-in-loop
    await allHeld();
    for (const answer of held.splice(0)) answer();
    // oxlint-disable-next-line no-await-in-loop
    await next;
  }
  const { far, metrics } = await shown();
  const [limit] = metrics;
  expect(far).toMatchObject({
    queued: 0,
    concurrency: { limit, running: 0, measuring: 0, roundTripMs: expect.any(Number), unloadedMs: expect.any(Number) },
  });
  expect(await admin.metric('millrace_lookup_concurrency_changes_total')).toBeGreaterThan(0);
});
