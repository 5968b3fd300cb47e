import { expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.ts';
import { silentLogger } from '../../src/core/observer/logger.ts';
import { silentObserver } from '../../src/core/observer/observer.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { systemClock } from '../../src/core/time/time.ts';
import { lookupLayers, type LayerList } from '../../src/pipeline/lookups/layers.ts';
import { openLookup } from '../../src/pipeline/lookups/lookups.ts';
import { page, section } from './pages.ts';

/** The layers of a lookup that has all of them, in the order in which a request passes them. */
async function orderOf(list: LayerList): Promise<readonly string[]> {
  const url = 'http://127.0.0.1:9/airports';
  const { lookups } = configSchema.parse({
    lookups: {
      airport: {
        http: { url: `${url}/{iata}` },
        timeout: '1s',
        retry: { attempts: 1 },
        hedge: { after: 'p95' },
        batch: { maxSize: 2, http: { url: `${url}?codes={iata}`, key: '/iata' } },
        breaker: {},
        concurrency: 2,
        rateLimit: { perSecond: 1 },
        cache: { ttl: '1s' },
      },
    },
    pipelines: { p: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/airport' }] } },
  });
  const config = lookups['airport'];
  if (config === undefined) throw new Error('the configuration lost its lookup');
  const runtime = {
    clock: systemClock,
    observer: silentObserver,
    logger: () => silentLogger,
    tracesCalls: false,
    baseDir: '/',
    generation: 1,
    secrets: new Secrets(),
  };
  const lookup = await openLookup('airport', config, runtime, list);
  onTestFinished(() => lookup.close());
  return lookup.layers.map(({ name }) => name);
}

/** As the first paragraph of the section names them. */
function documented(): readonly string[] {
  const text = section(page('lookups.md'), '## The order of the layers');
  const [first = ''] = text.trim().split('\n\n');
  const names = first.replaceAll(/\[[^\]]*\]\([^)]*\)/g, '').matchAll(/`(\w+)`/g);
  return Array.from(names, ([, name = '']) => name);
}

test('docs/lookups.md names every layer, in the order in which a request passes them', async () => {
  expect(documented()).toEqual(await orderOf(lookupLayers));
});

test('another order is found', async () => {
  const swapped = { ...lookupLayers, record: lookupLayers.record.toReversed() };
  expect(documented()).not.toEqual(await orderOf(swapped));
  expect(documented()).not.toEqual(await orderOf({ ...lookupLayers, call: lookupLayers.call.toSpliced(1, 1) }));
});
