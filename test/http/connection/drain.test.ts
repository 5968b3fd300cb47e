import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { Refusals } from '../../../src/core/observer/refusals.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { buildAdminApp } from '../../../src/http/admin-app.ts';
import { drain } from '../../../src/http/connection/drain.ts';
import { fetch } from '../fetched.ts';
import { enriched, records, start, type StartOptions } from '../start.ts';
import { closeConnections } from '../shared-session.ts';
import { openStream } from '../stream-client.ts';

async function open(options: StartOptions = {}) {
  const started = await start(options);
  const client = await openStream(`${started.url}/v1/enrich/test`);
  client.send(records(1));
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
  client.send(records(2));
  await client.until(enriched(2));
  client.end();
  await client.complete();
  expect(await drained).toBe(0);
  expect(heard.outcomes).toEqual(['completed']);
  await closeConnections(url);
  while (clock.timers > 0) await turn();
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test('an unread answer other than a stream delays a drain by a second at most', async () => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, url } = await start({ clock });
  const client = await openStream(`${url}/nowhere`);
  await client.until('unknown_route');
  client.send('and its body does not end');
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  await clock.advance(1000);
  expect(await drained).toBe(0);
  await client.ended();
});

test('a stream that runs longer than drainTimeout is cut', async () => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, client, heard } = await open({ clock, checkMs: 1000 });
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  await clock.advance(29_000);
  expect(heard.outcomes).toEqual([]);
  await clock.advance(2000);
  await client.ended();
  expect(await drained).toBe(1);
  expect(heard.outcomes).toEqual(['drained']);
  expect(client.trailers).toEqual({});
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
  client.end();
  await client.complete();
  await admin.close();
});
