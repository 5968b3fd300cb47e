import { expect, test } from 'vitest';
import { InputEnd } from '../../src/core/call/call-context.ts';
import { Coalesce } from '../../src/lookup/coalesce/coalesce.ts';
import type { Answer, Arguments, LookupLayer, LookupLayerEntry } from '../../src/lookup/lookup.ts';
import { type LayerList, lookupLayers } from '../../src/pipeline/lookups/layers.ts';
import { BrokenLayers, layersRound } from './layers-round.ts';
import { simulateRound } from './simulate.ts';

const rounds = 2475;

test(
  'under seeded faults the layers of a lookup hold their rules over a million records',
  { timeout: 300_000 },
  async () => {
    const all: Record<string, number> = {};
    const layers = new Set<string>();
    let done = 0;
    for (let seed = 0; seed <= rounds; seed++) {
      // Rounds of 400 records meet many configurations, and one of 10,000 fills every bound.
      // oxlint-disable-next-line no-await-in-loop
      const { outcomes, config, records } = await layersRound(seed, lookupLayers, seed === 0 ? 10_000 : 400);
      done += records;
      for (const [outcome, count] of Object.entries(outcomes)) all[outcome] = (all[outcome] ?? 0) + count;
      for (const layer of Object.keys(config)) layers.add(layer);
    }
    expect(done).toBeGreaterThanOrEqual(1_000_000);
    // Every layer took part, and every kind of outcome has occurred.
    const named = ['coalesce', 'cache', 'retry', 'hedge', 'batch', 'breaker', 'concurrency', 'rateLimit', 'timeout'];
    expect([...layers]).toEqual(expect.arrayContaining(named));
    expect(Object.keys(all)).toEqual(
      expect.arrayContaining(['call', 'cache', 'stale', 'miss', 'timeout', 'cancelled', 'unreachable', 'breaker_open']),
    );
  },
);

test('the command runs the same rounds with --level layers', async () => {
  const { records } = await layersRound(3);
  expect(await simulateRound(3, { level: 'layers' })).toBe(records);
});

type Parts = Parameters<LayerList['batch']>[0];
type Config = Parts['config'];

/** The list with this change of the configuration, which the round does not know. */
function configured(change: (config: Config) => Partial<Config>): LayerList {
  const changed = <P extends Parts>(parts: P): P => ({
    ...parts,
    config: { ...parts.config, ...change(parts.config) },
  });
  return {
    record: lookupLayers.record.map((make) => (parts) => make(changed(parts))),
    batch: (parts) => lookupLayers.batch(changed(parts)),
    call: lookupLayers.call.map((make) => (parts) => make(changed(parts))),
  };
}

/** The list with another record layer at its beginning. */
function below(name: string, layer: () => LookupLayer): LayerList {
  const entry = (): LookupLayerEntry => ({ name, layer: layer() });
  return { ...lookupLayers, record: [...lookupLayers.record, entry] };
}

/** The answers of a batch go to the requests beside theirs. */
const shifted: LayerList = {
  ...lookupLayers,
  batch: (parts) => {
    const entry = lookupLayers.batch(parts);
    return (
      entry && {
        ...entry,
        name: 'batch',
        gauges: () => entry.gauges?.() ?? {},
        over: (many) =>
          entry.over(async (requests, context) => {
            const replies = await many(requests, context);
            return [...replies.slice(1), ...replies.slice(0, 1)];
          }),
      }
    );
  },
};

const remembersFailures = (): LookupLayer => {
  const failures = new Map<unknown, unknown>();
  return (inner) => async (args, context) => {
    const known = failures.get(args['key']);
    if (known !== undefined) throw known;
    try {
      return await inner(args, context);
    } catch (error) {
      failures.set(args['key'], error);
      throw error;
    }
  };
};

/** One request in fifty gets no outcome. */
const losesRecords = (): LookupLayer => {
  let count = 0;
  return (inner) => (args, context) => (++count % 50 === 0 ? new Promise<never>(() => {}) : inner(args, context));
};

const ignoresCancellation = (): LookupLayer => (inner) => (args) => inner(args, new InputEnd());

const planted: readonly (readonly [what: string, rule: RegExp, list: LayerList])[] = [
  ['equal requests have calls of their own', /run at once/, configured(() => ({ coalesce: false }))],
  [
    'requests with other keys share a call',
    /got the (answer|failure) of|that the far end did not have/,
    {
      ...lookupLayers,
      record: lookupLayers.record.toSpliced(
        1,
        1,
        () =>
          new Coalesce<Arguments, Answer>(
            ({ key }) => String(Number(key) >> 1),
            () => 0.5,
          ),
      ),
    },
  ],
  [
    'the cache uses answers that are too old',
    /as if it were fresh/,
    configured(({ cache }) => (cache === undefined ? {} : { cache: { ...cache, ttl: 2 * cache.ttl } })),
  ],
  [
    'the cache holds too many answers',
    /the cache holds/,
    configured(({ cache }) => (cache === undefined ? {} : { cache: { ...cache, maxEntries: 1000 } })),
  ],
  ['a failure is used again', /got a failure of/, below('remembers', remembersFailures)],
  [
    'batches are too large',
    /a call for/,
    configured(({ batch }) => (batch === undefined ? {} : { batch: { ...batch, maxSize: 99 } })),
  ],
  [
    'batches wait too long',
    /for its batch/,
    configured(({ batch }) => (batch === undefined ? {} : { batch: { ...batch, linger: batch.linger + 3 } })),
  ],
  [
    'too many batches are under way',
    /batches are under way/,
    configured(({ batch }) => (batch === undefined ? {} : { batch: { ...batch, maxInFlight: 99 } })),
  ],
  ['the answers of a batch are in another order', /got the (answer|failure) of|that the far end did not have/, shifted],
  [
    'too many hedges are made',
    /run at once/,
    configured(({ hedge }) => (hedge === undefined ? {} : { hedge: { ...hedge, max: 5 } })),
  ],
  [
    'the rate is not kept',
    /within a second/,
    configured(({ rateLimit }) => (rateLimit === undefined ? {} : { rateLimit: { perSecond: 1e6, burst: 1e6 } })),
  ],
  [
    'too many calls run',
    /calls run/,
    configured(({ concurrency }) => (concurrency === undefined ? {} : { concurrency: 1000 })),
  ],
  ['a record is lost', /that has left still waits/, below('loses', losesRecords)],
  ['a call is not cancelled', /left/, below('ignores', ignoresCancellation)],
];

test.each(planted)('a defect is found within 200 rounds: %s', async (_, rule, list) => {
  let found: unknown;
  for (let seed = 1; seed <= 200 && found === undefined; seed++) {
    // oxlint-disable-next-line no-await-in-loop
    found = await layersRound(seed, list).then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  expect(found).toBeInstanceOf(BrokenLayers);
  expect(String(found)).toMatch(rule);
});
