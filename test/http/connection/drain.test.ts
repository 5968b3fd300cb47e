import { once } from 'node:events';
import { expect, test } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { Refusals } from '../../../src/core/observer/refusals.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { buildAdminApp } from '../../../src/http/admin-app.ts';
import { drain } from '../../../src/http/connection/drain.ts';
import { enriched, records, start, type StartOptions } from '../start.ts';
import { WireClient } from '../wire-client.ts';

async function open(options: StartOptions = {}) {
  const started = await start(options);
  const client = await WireClient.open(started.port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  return { ...started, client };
}

test('a draining service refuses new streams, and lets running streams end', async () => {
  const clock = virtualClock();
  const { url, app, streams, drainState, responses, client, heard } = await open({ clock });
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  const refused = await fetch(`${url}/v1/enrich/test`, { method: 'POST' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject({ code: 'draining' });
  client.chunk(records(2));
  await client.until(enriched(2));
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  expect(await drained).toBe(0);
  expect(heard.outcomes).toEqual(['completed']);
  expect(clock.timers).toBe(0);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test.each([
  ['never sent a byte', ''],
  ['has sent half a head', 'POST /v1/enrich/test HTTP/1.1\r\nHost: te'],
  ['has sent half of the start of TLS', '\u0016\u0003\u0001'],
  ['is kept open behind an answer', 'GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['has sent half a head behind an answer', 'GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /v1/'],
])('with no stream left a connection that %s is closed at once', async (_, text) => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, port } = await start({ clock });
  const connected = once(app.server, 'connection');
  const client = await WireClient.open(port);
  await connected;
  client.write(text);
  if (text.startsWith('GET')) await client.until('"pipelines":');
  // The clock stands still, so only the end of the last stream can close the connection.
  expect(await drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 })).toBe(0);
  await client.untilEnded();
  expect(clock.timers).toBe(0);
});

test('an unread answer other than a stream delays a drain by a second at most', async () => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, port } = await start({ clock });
  const client = await WireClient.open(port);
  client.head('/nowhere', 'Transfer-Encoding: chunked');
  await client.until('unknown_route');
  client.chunk('and its body does not end');
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  await clock.advance(1000);
  expect(await drained).toBe(0);
  await client.untilEnded();
});

test('a stream that runs longer than drainTimeout is cut', async () => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, client, heard } = await open({ clock, checkMs: 1000 });
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  await clock.advance(29_000);
  expect(heard.outcomes).toEqual([]);
  await clock.advance(2000);
  await client.untilEnded();
  expect(await drained).toBe(1);
  expect(heard.outcomes).toEqual(['drained']);
  expect(client.received).not.toContain('Millrace-Status: complete');
});

test('the admin listener shows readiness, metrics and the live streams', async () => {
  const { streams, drainState, client } = await open();
  const scrape = { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('millrace_up 1\n') };
  const admin = buildAdminApp({
    drainState,
    streams,
    scrape,
    state: () => ({ lookups: { far: { inFlight: 0 } } }),
    config: () => configSchema.shape.server.parse({}),
    refusals: new Refusals(),
    reload: async () => ({ outcome: 'stopping' }),
    tls: undefined,
    clock: systemClock,
  });
  const get = async (url: string) => {
    const { statusCode, body, headers } = await admin.inject(url);
    return { statusCode, body, type: headers['content-type'] };
  };
  expect(await get('/livez')).toMatchObject({ statusCode: 200 });
  expect(await get('/readyz')).toMatchObject({ statusCode: 200 });
  expect(await get('/metrics')).toEqual({ statusCode: 200, body: 'millrace_up 1\n', type: scrape.contentType });
  const state: unknown = JSON.parse((await get('/state')).body);
  expect(state).toMatchObject({
    draining: false,
    streams: [
      { pipeline: 'test', mode: 'ordered', read: 1, written: 1, inFlight: 0, capacity: 100, backpressure: 'none' },
    ],
    lookups: { far: { inFlight: 0 } },
  });
  drainState.draining = true;
  expect(await get('/readyz')).toMatchObject({ statusCode: 503 });
  expect(await get('/livez')).toMatchObject({ statusCode: 200 });
  const nowhere = await get('/nowhere');
  expect(nowhere).toMatchObject({ statusCode: 404, type: 'application/problem+json' });
  // Unique also over restarts, as on the public listener.
  expect(JSON.parse(nowhere.body)).toMatchObject({
    detail: '/nowhere is not one of /livez, /readyz, /metrics, /state, /reload',
    instance: expect.stringMatching(/^urn:millrace:request:[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/),
  });
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  await admin.close();
});
