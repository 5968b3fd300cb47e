import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { complaints } from '../../config/loading.ts';
import { lookupOf } from './opened.ts';

interface Options {
  readonly cache?: object;
  readonly http?: object;
  readonly status?: number;
  /** The header of a 304; default the same. */
  readonly confirmation?: Record<string, string>;
}

/** A lookup with a cache that respects the header, before a server that sends these headers; it counts its answers. */
async function caching(headers: Record<string, string>, options: Options = {}) {
  const { cache = {}, http = {}, status = 200, confirmation = headers } = options;
  const clock = virtualClock();
  const seen: IncomingMessage[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(request);
    const confirmed = request.headers['if-none-match'] === headers['etag'] && headers['etag'] !== undefined;
    if (confirmed) response.writeHead(304, confirmation).end();
    else response.writeHead(status, headers).end(`{"call":${seen.length}}`);
  };
  const layers = { timeout: '30s', cache: { ttl: '1h', respectCacheControl: true, ...cache } };
  const opened = await lookupOf(layers, listener, clock, http);
  const figures = (): unknown => Object(opened.metrics.snapshot().lookups['airport'])['cache'];
  return { ...opened, clock, seen, figures };
}

describe.each(['lean', 'undici'])('an answer over HTTP (client: %s)', (client) => {
  const http = { client };

  test('is used for its max-age, not for the ttl of the cache', async () => {
    const { ask, clock, seen } = await caching({ 'cache-control': 'max-age=60' }, { http });
    expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'call' });
    await clock.advance(57_000);
    expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'cache' });
    await clock.advance(3000);
    expect(await ask()).toMatchObject({ json: '{"call":2}', source: 'call' });
    expect(seen[1]?.headers).not.toHaveProperty('if-none-match');
  });

  test('that is old is confirmed by 304: no body is sent, and it is fresh again', async () => {
    const headers = { 'cache-control': 'max-age=60', etag: '"v1"', 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' };
    const { ask, clock, seen, metrics } = await caching(headers, { http });
    await ask();
    await clock.advance(60_000);
    expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'call', attempts: 1 });
    expect(seen[1]?.headers).toMatchObject({ 'if-none-match': '"v1"', 'if-modified-since': headers['last-modified'] });
    await clock.advance(50_000);
    expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'cache' });
    expect(seen).toHaveLength(2);
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { calls: { ok: 2, bad_status: 0 } } } });
  });

  test.each([{}, { etag: '"v1"' }])('keeps its max-age if a 304 has none, with %j', async (confirmation: object) => {
    const headers = { 'cache-control': 'max-age=60', etag: '"v1"' };
    const { ask, clock, seen } = await caching(headers, { http, confirmation: { ...confirmation } });
    for (let time = 1; time <= 3; time++) {
      expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'call' });
      expect(seen).toHaveLength(time);
      await clock.advance(50_000);
      expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'cache' });
      await clock.advance(10_000);
    }
  });

  test('that says no-cache is confirmed every time', async () => {
    const { ask, seen } = await caching({ 'cache-control': 'no-cache', etag: '"v1"' }, { http });
    for (let time = 0; time < 3; time++) expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'call' });
    expect(seen).toHaveLength(3);
  });

  test.each([{ 'cache-control': 'no-store' }, { 'cache-control': 'private, max-age=60' }, { vary: 'accept' }])(
    'is not stored, and counted, with %j',
    async (headers: Record<string, string>) => {
      const { ask, seen, figures } = await caching(headers, { http });
      for (let time = 0; time < 2; time++) expect(await ask()).toMatchObject({ source: 'call' });
      expect(seen).toHaveLength(2);
      expect(figures()).toMatchObject({ entries: 0, refused: 2 });
    },
  );
});

test('an answer that says nothing is used for the ttl of the cache', async () => {
  const { ask, clock } = await caching({});
  await ask();
  await clock.advance(3_500_000);
  expect(await ask()).toMatchObject({ source: 'cache' });
});

test('a miss is stored for its max-age, also without a negativeTtl', async () => {
  const { ask, clock, seen } = await caching({ 'cache-control': 'max-age=60' }, { status: 404 });
  for (let time = 0; time < 2; time++) expect(await ask()).toMatchObject({ json: undefined });
  expect(seen).toHaveLength(1);
  await clock.advance(60_000);
  await ask();
  expect(seen).toHaveLength(2);
});

test('an old answer is used as long as its header says, and confirmed meanwhile', async () => {
  const headers = { 'cache-control': 'max-age=60, stale-while-revalidate=30', etag: '"v1"' };
  const { ask, clock, seen } = await caching(headers);
  await ask();
  await clock.advance(70_000);
  expect(await ask()).toMatchObject({ json: '{"call":1}', source: 'stale' });
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1]?.headers).toMatchObject({ 'if-none-match': '"v1"' });
});

test('must-revalidate goes before staleIfError of the cache', async () => {
  const clock = virtualClock();
  let calls = 0;
  const layers = { timeout: '30s', cache: { ttl: '1h', staleIfError: '1h', respectCacheControl: true } };
  const listener = (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(++calls === 1 ? 200 : 500, { 'cache-control': 'max-age=60, must-revalidate' }).end('1');
  };
  const { ask } = await lookupOf(layers, listener, clock);
  await ask();
  await clock.advance(61_000);
  expect(await ask()).toMatchObject({ code: 'bad_status' });
});

test('a lookup without HTTP has no such header: respectCacheControl is a mistake there', () => {
  const text = `
lookups:
  airport: { table: { file: airports.csv, key: iata }, cache: { ttl: 1m, respectCacheControl: true } }
pipelines:
  flights:
    enrich:
      - { lookup: airport, with: { iata: /origin }, into: /originAirport }
`;
  expect(complaints(text)).toEqual([
    'millrace.yaml:3:95 lookups.airport.cache.respectCacheControl: expected an http lookup: only the answers of HTTP have a Cache-Control; leave it out',
  ]);
});
