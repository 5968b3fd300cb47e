import { describe, expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { silentLogger } from '../../../src/core/observer/logger.ts';
import { Refusals } from '../../../src/core/observer/refusals.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import { buildAdminApp } from '../../../src/http/admin-app.ts';
import { LiveStreams } from '../../../src/http/stream/live-streams.ts';
import type { LookupLayerEntry } from '../../../src/lookup/lookup.ts';
import { createMetrics, type Metrics } from '../../../src/observability/metrics/metrics.ts';
import { lookupLayers, type LayerList } from '../../../src/pipeline/lookups/layers.ts';
import { type OpenedLookup, openLookup } from '../../../src/pipeline/lookups/lookups.ts';
import { httpEnd } from '../../connectors/http/far-end.ts';

/** A layer that does not exist in the service: it counts the requests that pass it. */
class Toy implements LookupLayerEntry {
  readonly name = 'toy';
  passed = 0;
  closed = 0;

  readonly layer: LookupLayerEntry['layer'] = (inner) => (args, context) => {
    this.passed++;
    return inner(args, context);
  };

  gauges() {
    return { totals: { passed: this.passed }, now: { open: 1 }, queued: 3 };
  }

  close(): void {
    this.closed++;
  }
}

/** The lookup `airport` with a cache, a retry and this list of layers. The first call for each key fails. */
async function opened(layers: LayerList, metrics: Metrics): Promise<OpenedLookup> {
  const known = new Set<string | undefined>();
  const { origin } = await httpEnd((request, response) => {
    response.statusCode = known.has(request.url) ? 200 : 503;
    known.add(request.url);
    response.end('{"city":"San Francisco"}');
  });
  const backoff = { initial: '1ms', max: '1ms' };
  const layered = { cache: { ttl: '1h' }, retry: { attempts: 1, backoff }, timeout: '30s' };
  const { lookups } = configSchema.parse({
    lookups: { airport: { http: { url: `${origin}/{iata}` }, ...layered } },
    pipelines: { p: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/airport' }] } },
  });
  const config = lookups['airport'];
  if (config === undefined) throw new Error('the configuration lost its lookup');
  const runtime = {
    clock: systemClock,
    observer: metrics.observer,
    logger: () => silentLogger,
    tracesCalls: false,
    baseDir: '/',
    generation: 1,
    secrets: new Secrets(),
  };
  return openLookup('airport', config, runtime, layers);
}

/** The lookup `airport` in `/state` of the admin listener. */
async function stateOf(metrics: Metrics): Promise<Record<string, unknown>> {
  const app = buildAdminApp({
    drainState: { draining: false },
    streams: new LiveStreams(systemClock, 1000, () => {}),
    scrape: { contentType: metrics.contentType, text: () => metrics.scrape() },
    state: () => ({ ...metrics.snapshot() }),
    config: () => configSchema.shape.server.parse({}),
    refusals: new Refusals(),
    reload: () => Promise.reject(new Error('not here')),
    tls: undefined,
    clock: systemClock,
  });
  const { lookups } = (await app.inject('/state')).json();
  await app.close();
  return lookups.airport;
}

describe('a layer that is added to the list', () => {
  test('stands at its place, shows its gauges in /state, and is closed with the lookup', async () => {
    const metrics = createMetrics({ version: '0' });
    const toy = new Toy();
    const lookup = await opened({ ...lookupLayers, record: lookupLayers.record.toSpliced(1, 0, () => toy) }, metrics);
    let open = true;
    const close = async (): Promise<void> => {
      if (open) await lookup.close();
      open = false;
    };
    onTestFinished(close);
    // It stands below the cache, which answers the second request, and above the retry, which makes two calls of one.
    for (let time = 1; time <= 2; time++) {
      expect(await lookup.call({ iata: 'SFO' }, new Cancellation())).toMatchObject({
        json: '{"city":"San Francisco"}',
      });
    }
    expect(await stateOf(metrics)).toMatchObject({
      calls: { ok: 1, bad_status: 1 },
      cache: { hit: 1, miss: 1 },
      toy: { passed: 1, open: 1 },
      queued: 3,
    });
    expect(toy.closed).toBe(0);
    await close();
    expect(toy.closed).toBe(1);
    expect(await stateOf(metrics)).toMatchObject({ queued: 0 });
    expect(await stateOf(metrics)).not.toHaveProperty('toy');
  });

  test('goes on with the totals of the lookup that a reload replaced, and not with its other gauges', async () => {
    const metrics = createMetrics({ version: '0' });
    const [before, after] = [new Toy(), new Toy()];
    const first = await opened({ ...lookupLayers, record: [() => before], call: [] }, metrics);
    await Promise.allSettled([first.call({ iata: 'SFO' }, new Cancellation())]);
    const second = await opened({ ...lookupLayers, record: [() => after], call: [] }, metrics);
    onTestFinished(() => second.close());
    expect(await stateOf(metrics)).toMatchObject({ toy: { passed: 1, open: 2 }, queued: 6 });
    await first.close();
    await Promise.allSettled([second.call({ iata: 'SFO' }, new Cancellation())]);
    expect(await stateOf(metrics)).toMatchObject({ toy: { passed: 2, open: 1 }, queued: 3 });
  });
});
