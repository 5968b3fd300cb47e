import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { TableCounts } from '../../src/core/observer/observer.ts';
import { systemClock } from '../../src/core/time/time.ts';
import { AccessTokens } from '../../src/connectors/http/oauth2/access-tokens.ts';
import { Batcher } from '../../src/lookup/batch/batcher.ts';
import { lookupOf } from '../pipeline/lookups/opened.ts';
import { openApiDocument } from '../../src/http/openapi/openapi-document.ts';
import { parameterNames } from '../../src/http/parameters.ts';
import { codes, page, rows, section } from './pages.ts';

const http = page('http.md');

test('docs/http.md has every parameter of a stream, and no other', () => {
  const documented = rows(section(http, '### Parameters')).map(([name]) => codes(name)[0]);
  expect(documented).toEqual([...parameterNames]);
});

test('docs/http.md has every route of the OpenAPI document, and the routes of the document itself', async () => {
  const { paths }: { paths: Record<string, Record<string, unknown>> } = parse(await openApiDocument('0.0.0'));
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((member) => member !== 'servers')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  const documented = rows(http)
    .flatMap(([route]) => codes(route))
    .filter((code) => /^[A-Z]+ \//.test(code));
  expect(documented.toSorted()).toEqual(
    [...described, 'GET /openapi.json', 'GET /openapi-3.1.json', 'GET /openapi.yaml', 'GET /docs'].toSorted(),
  );
});

test('docs/http.md has every member of every layer of a lookup in /state', async () => {
  const { metrics } = await lookupOf(
    {
      coalesce: true,
      cache: { ttl: '1m' },
      hedge: { after: 'p95' },
      breaker: {},
      rateLimit: { perSecond: 1 },
      concurrency: { adaptive: { max: 5 } },
    },
    (_, response) => {
      response.end('{}');
    },
    systemClock,
    { auth: { oauth2: { tokenUrl: 'http://127.0.0.1:9/token', clientId: 'id', clientSecret: 'secret' } } },
  );
  const { airport }: Record<string, Record<string, object>> = parse(JSON.stringify(metrics.snapshot().lookups));
  const ofCalls = new Set(['calls', 'duration', 'recent']);
  const layers = Object.entries(airport ?? {}).filter(
    ([name, figures]) => typeof figures === 'object' && !ofCalls.has(name),
  );
  const batcher = new Batcher<string, string>(
    { maxSize: 1, linger: 1, maxInFlight: 1 },
    { clock: systemClock, observer: metrics.observer.lookup('airport'), keyOf: (request) => request },
  );
  const { totals, now } = batcher.gauges();
  const tokens = new AccessTokens({
    clock: systemClock,
    request: () => Promise.resolve({ value: 't-1', lifetimeMs: 3_600_000 }),
    hide() {},
  });
  await tokens.obtain();
  const held = tokens.gauges();
  const table: TableCounts = { rows: 0, reloads: { ok: 0, failed: 0 }, current: true };
  // These are there only after calls, or during a state.
  const measured: Record<string, readonly string[]> = {
    hedge: ['p95Ms'],
    concurrency: ['roundTripMs', 'unloadedMs'],
    breaker: ['openMs'],
    pause: ['pausedMs'],
    oauth2: ['expiresAt'],
  };
  const shown = Object.fromEntries(
    layers.map(([name, figures]) => [name, [...Object.keys(figures), ...(measured[name] ?? [])].toSorted()]),
  );
  const documented = rows(section(http, '### Figures of the layers')).map(([name, total, current]) => [
    codes(name)[0],
    [...codes(total), ...codes(current)].filter((code) => !code.includes(':')).toSorted(),
  ]);
  expect(Object.fromEntries(documented)).toEqual({
    ...shown,
    batch: Object.keys({ ...totals, ...now }).toSorted(),
    oauth2: Object.keys({ ...held.totals, ...held.latest }).toSorted(),
    table: Object.keys({ ...table, ...table.reloads }).toSorted(),
  });
});
