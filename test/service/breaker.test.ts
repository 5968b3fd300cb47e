import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { httpEnd } from '../connectors/http/far-end.ts';
import { linesOf, startInProcess } from './in-process.ts';

const enrich = [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }];
const records = (count: number): string => Array.from({ length: count }, (_, n) => `{"key":"${n}"}\n`).join('');

test('a single record is answered with 503 and Retry-After while the breaker is open, and a stream with breaker_open', async () => {
  let calls = 0;
  const { origin } = await httpEnd((_, response) => {
    calls++;
    response.writeHead(500).end('broken');
  });
  const { service, enrich: send } = await startInProcess(
    { far: { http: { url: `${origin}/{key}` }, breaker: { minimum: 1, open: '1h' } } },
    { enrich },
  );
  const single = (): Promise<Response> =>
    fetch(`${service.url}/v1/enrich/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key":"a"}',
    });
  expect(await (await single()).json()).toMatchObject({ status: 502, code: 'bad_status', attempts: 1 });
  const refused = await single();
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
  expect(await refused.json()).toMatchObject({ code: 'breaker_open', lookup: 'far', attempts: 0 });
  const lines = linesOf(await send(records(100)));
  expect(lines.map(({ _error: error }) => error)).toMatchObject(
    Array.from({ length: 100 }, () => ({ code: 'breaker_open', lookup: 'far', attempts: 0 })),
  );
  expect(calls).toBe(1);
});

test('with whenOpen: wait a stream stands still with the reason limit, and loses nothing when the lookup recovers', async () => {
  let calls = 0;
  let healthy = false;
  const { origin } = await httpEnd((_, response) => {
    calls++;
    response.writeHead(healthy ? 200 : 500).end('{}');
  });
  const { admin, enrich: send } = await startInProcess(
    { far: { http: { url: `${origin}/{key}` }, breaker: { minimum: 1, open: '100ms', whenOpen: 'wait' } } },
    { capacity: 10, timeout: '30s', enrich },
  );
  const answered = send(records(500));
  let reason: unknown;
  while (reason !== 'limit') {
    // oxlint-disable-next-line no-await-in-loop
    const { streams } = await admin.state();
    reason = streams[0]?.['backpressure'];
    // oxlint-disable-next-line no-await-in-loop
    await turn();
  }
  healthy = true;
  const lines = linesOf(await answered);
  const failed = lines.filter(({ _error: error }) => error !== undefined);
  expect([lines.length, calls]).toEqual([500, 500]);
  // Only those that were under way when the breaker opened, and those that tried the lookup: each has its own failure.
  expect(failed.map(({ _error: error }) => error)).toMatchObject(failed.map(() => ({ code: 'bad_status' })));
});
