import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { createMetrics } from '../../src/observability/metrics/metrics.ts';
import { LookupCache } from '../../src/lookup/cache/cache.ts';
import { cacheOptions } from '../../src/lookup/cache/cache-options.ts';
import { Answer } from '../../src/lookup/lookup.ts';
import { complaints, load } from '../config/loading.ts';
import { cached, fill, outcome } from '../lookup/cache/cached.ts';

/** A configuration whose lookup has this cache. */
const withCache = (cache: string): string => `
lookups:
  airport:
    http: { url: 'http://127.0.0.1:9000/airports/{iata}' }
    cache: ${cache}
pipelines:
  flights:
    enrich:
      - { lookup: airport, with: { iata: /origin }, into: /originAirport }
`;

describe('DefaultLookupCacheTest', () => {
  test('DLC-1 an answer is found under its key, another key is absent, and the rows of an answer keep their order', async () => {
    const it = cached({ maxEntries: 10 });
    await fill(it, 'k', '[{"row":1},{"row":2},{"row":3}]');
    expect(it.ask('k')).toMatchObject({ json: '[{"row":1},{"row":2},{"row":3}]', source: 'cache' });
    expect(it.ask('other')).toBeInstanceOf(Promise);
    expect(it.last.key).toBe('other');
    it.last.answer('[]');
  });

  test('DLC-3 an answer that is older than its ttl is absent', async () => {
    const it = cached({ ttl: '60s' });
    await fill(it, 'k', '1');
    expect(it.ask('k')).toMatchObject({ source: 'cache' });
    await it.clock.advance(60_000 + 10_000);
    expect(it.ask('k')).toBeInstanceOf(Promise);
    it.last.answer('2');
  });

  test('DLC-5 a miss is kept if negativeTtl is set, and not by default (departs: in Flink it is kept by default)', async () => {
    const kept = cached({ ttl: '1h', negativeTtl: '1h' });
    await fill(kept, 'absent', undefined);
    expect(kept.ask('absent')).toMatchObject({ json: undefined, source: 'cache' });
    const asked = cached({ ttl: '1h' });
    await fill(asked, 'absent', undefined);
    expect(asked.ask('absent')).toBeInstanceOf(Promise);
    asked.last.answer(undefined);
  });

  test('DLC-5 an empty array and null are kept as answers; a call without an answer leaves no entry', async () => {
    const it = cached({ ttl: '1h' });
    await fill(it, 'empty', '[]');
    await fill(it, 'null', 'null');
    expect(it.ask('empty')).toMatchObject({ json: '[]', source: 'cache' });
    expect(it.ask('null')).toMatchObject({ json: 'null', source: 'cache' });
    const failing = outcome(() => it.ask('broken'));
    it.last.fail(new TypeError('no answer at all'));
    expect(await failing).toMatchObject({ code: 'function_error' });
    expect(it.counts().entries).toBe(2);
  });

  test('DLC-6 its metrics are 0 at the start; then one answer is 1 entry, a found key 1 hit, an absent key 1 miss', async () => {
    const metrics = createMetrics({ version: '0' });
    // A lookup without a cache has none of them.
    metrics.observer.lookup('plain').called('ok', 1);
    const cache = new LookupCache(cacheOptions.parse({ maxEntries: 10, negativeTtl: '1m' }), virtualClock(), true);
    metrics.observer.lookup('airport').layer(cache.name, () => cache.gauges());
    const samples = async (): Promise<Record<string, number>> =>
      Object.fromEntries(
        Array.from((await metrics.scrape()).matchAll(/^millrace_cache_(\S+) (\d+)$/gm), ([, name = '', value]) => [
          name.replace('{lookup="airport"', '{').replace('{,', '{').replace('{}', ''),
          Number(value),
        ]),
      );
    const at0 = {
      'requests_total{result="hit"}': 0,
      'requests_total{result="negative"}': 0,
      'requests_total{result="stale"}': 0,
      'requests_total{result="miss"}': 0,
      entries: 0,
      bytes: 0,
      evictions_total: 0,
      late_answers_total: 0,
      refused_answers_total: 0,
    };
    expect(await samples()).toEqual(at0);
    const ask = cache.layer(({ key }) => new Answer(key === 'k' ? '1' : undefined));
    await ask({ key: 'k' }, new Cancellation());
    expect(await samples()).toEqual({ ...at0, 'requests_total{result="miss"}': 1, entries: 1, bytes: 310 });
    await ask({ key: 'k' }, new Cancellation());
    await ask({ key: 'absent' }, new Cancellation());
    await ask({ key: 'absent' }, new Cancellation());
    expect(await samples()).toEqual({
      ...at0,
      'requests_total{result="hit"}': 1,
      'requests_total{result="negative"}': 1,
      'requests_total{result="miss"}': 2,
      entries: 2,
      bytes: 624,
    });
  });

  test('DLC-9 the cache has the options of the configuration, and a lookup without cache has none', () => {
    const settings = '{ maxEntries: 7, ttl: 5m, negativeTtl: 30s, staleWhileRevalidate: 1m, staleIfError: 1h }';
    expect(load(withCache(settings)).config.lookups['airport']?.cache).toEqual({
      maxEntries: 7,
      maxBytes: 64 * 2 ** 20,
      refreshAhead: 0,
      respectCacheControl: false,
      ttl: 300_000,
      negativeTtl: 30_000,
      staleWhileRevalidate: 60_000,
      staleIfError: 3_600_000,
    });
    const without = withCache('null').replace('    cache: null\n', '');
    expect(load(without).config.lookups['airport']).not.toHaveProperty('cache');
  });

  test('DLC-9 one bound is enough: with ttl alone 10000 entries, which check prints; with maxEntries alone no ttl', () => {
    const byAge = load(withCache('{ ttl: 5m }'));
    expect(byAge.config.lookups['airport']?.cache).toMatchObject({ maxEntries: 10_000, ttl: 300_000 });
    expect(byAge.effective).toMatchObject({
      lookups: { airport: { cache: { maxEntries: 10_000, ttl: '5m', negativeTtl: '0s' } } },
    });
    const bySize = load(withCache('{ maxEntries: 7 }'));
    expect(bySize.config.lookups['airport']?.cache).toMatchObject({ maxEntries: 7, ttl: Infinity });
    expect(bySize.effective).not.toHaveProperty('lookups.airport.cache.ttl');
  });

  test.each(['staleIfError', 'staleWhileRevalidate', 'refreshAhead'])(
    'DLC-9 %s needs no ttl if the header of an answer says how long it is fresh',
    (key) => {
      const { config } = load(withCache(`{ maxEntries: 5, respectCacheControl: true, ${key}: 1h }`));
      expect(config.lookups['airport']?.cache).toMatchObject({ ttl: Infinity, [key]: 3_600_000 });
    },
  );

  test('DLC-9 invalid options of a cache are refused, with their place and the valid values', () => {
    const at = 'millrace.yaml:5:12 lookups.airport.cache: ';
    expect(complaints(withCache('full'))).toEqual([
      `${at}expected a map such as { maxEntries: 10000, ttl: 5m }, got "full"`,
    ]);
    expect(complaints(withCache('{ maxEntires: 7 }'))).toEqual([
      'millrace.yaml:5:14 lookups.airport.cache.maxEntires: unknown key; did you mean "maxEntries"?',
    ]);
    expect(complaints(withCache('{ maxEntries: 0 }'))).toEqual([
      'millrace.yaml:5:26 lookups.airport.cache.maxEntries: expected a whole number from 1 to 10000000, got 0',
    ]);
    expect(complaints(withCache('{ ttl: 0s }'))).toEqual([
      'millrace.yaml:5:19 lookups.airport.cache.ttl: expected a duration from 1ms to 720h, got "0s"',
    ]);
    expect(complaints(withCache('{ maxEntries: 7, staleIfError: 1h }'))).toEqual([
      'millrace.yaml:5:43 lookups.airport.cache.staleIfError: expected a ttl beside it: without a ttl no answer becomes old, got "1h"',
    ]);
  });

  test.each(['{}', '{ negativeTtl: 30s }'])(
    'DLC-10 a cache without any bound is refused, and told what to set: %s',
    (cache) => {
      expect(complaints(withCache(cache))).toEqual([
        'millrace.yaml:5:12 lookups.airport.cache: expected a bound: set maxEntries (how many answers are held), ttl (for how long), or both, such as { maxEntries: 10000, ttl: 5m }',
      ]);
    },
  );
});
