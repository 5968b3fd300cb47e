import { describe, expect, test } from 'vitest';
import { fetch } from './fetched.ts';
import { start } from './start.ts';

const retried = { lookup: { retry: { attempts: 2, backoff: { initial: '1ms' } } } };

describe('a retry over HTTP', () => {
  test('is made for records of a body that has ended long ago', async () => {
    const { url, downstream } = await start(retried);
    downstream.hold = true;
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = fetch(`${url}/v1/enrich/test`, { method: 'POST', headers, body: '{"key":"a"}\n{"key":"b"}\n' });
    for (let call = 0; call < 2; call += 1) {
      await downstream.until(() => downstream.held.length > call);
      downstream.held[call]?.response.writeHead(503).end();
    }
    for (let call = 2; call < 4; call += 1) {
      await downstream.until(() => downstream.held.length > call);
      downstream.held[call]?.answer({ call });
    }
    const text = await (await response).text();
    expect(text.match(/"answer":\{"call":\d\}/g)).toHaveLength(2);
  });

  test('is made for a single record', async () => {
    const { url, downstream } = await start(retried);
    downstream.hold = true;
    const headers = { 'content-type': 'application/json' };
    const response = fetch(`${url}/v1/enrich/test`, { method: 'POST', headers, body: '{"key":"a"}' });
    await downstream.until(() => downstream.held.length > 0);
    downstream.held[0]?.response.writeHead(503).end();
    await downstream.until(() => downstream.held.length > 1);
    downstream.held[1]?.answer(7);
    expect(await (await response).text()).toBe('{"key":"a","answer":7}');
  });
});
