import { expect, onTestFinished, test } from 'vitest';
import { Bench, freePort } from '../../bench/bench.ts';
import { untilAnswered } from '../../bench/downstream.ts';
import { startService } from '../../bench/service.ts';

test('if a service ends at its start, the error says why, after which time, and has the log', async () => {
  const bench = new Bench(true, 1);
  onTestFinished(() => bench.dispose());
  const pipelines = { flights: { enrich: [{ lookup: 'nowhere', with: {}, into: '/x' }] } };
  await expect(startService(bench, 'broken', { lookups: {}, pipelines })).rejects.toThrow(
    /^the service did not start: the process ended after \d+ ms; its log:\n[^]*unknown lookup "nowhere"/,
  );
});

test('if a service does not answer, the error says how long it was waited for', async () => {
  const url = `http://127.0.0.1:${await freePort()}/readyz`;
  await expect(untilAnswered(url, 100)).rejects.toThrow(`${url} did not answer within 0.1 s (last status: none)`);
});
