import { flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl } from '../rounds.ts';
import { startService, type Service } from '../service.ts';
import { stream } from '../streams.ts';

const none = 'no layers';
const usual = 'coalesce, as by default';
const every = 'all layers, nothing to do';
const storing = 'all layers, and the cache stores each answer';

/**
 * Every layer but batch, which makes other calls, with settings that let each call through. The other system says that its
 * answers must not be stored.
 */
const idleLayers = {
  coalesce: true,
  cache: { maxEntries: 1000, respectCacheControl: true },
  retry: { attempts: 2 },
  hedge: { after: '10s' },
  breaker: {},
  concurrency: 1000,
  rateLimit: { perSecond: 1_000_000 },
  timeout: '10s',
};

/** The same, but the cache does not read what the other system says: each answer replaces another one. */
const storingLayers = { ...idleLayers, cache: { maxEntries: 1000, ttl: '1m' } };

/** What layers cost that have nothing to do: each call is another one, succeeds at once, and waits for no limit. */
export async function layersAtRest(bench: Bench): Promise<Section> {
  const list = flights();
  const file = bench.file('layered.ndjson', ndjson(list));
  const airports = await startAirports(bench, { 'cache-control': 'no-store' });
  // The header makes each call another one: equal calls would be shared, or answered by the cache.
  const http = { url: `${airports.origin}/airports/{iata}`, headers: { 'x-flight': '{date} {delay} {to} {miles}' } };
  const pipelines = {
    flights: {
      enrich: [
        {
          lookup: 'airport',
          with: { iata: '/origin', date: '/date', delay: '/delay', to: '/destination', miles: '/distance' },
          into: '/originAirport',
        },
      ],
    },
  };
  const start = (name: string, layers: object): Promise<Service> =>
    startService(bench, name, { lookups: { airport: { http, ...layers } }, pipelines });
  const plain = await start('plain', { coalesce: false });
  const control = await start('plain-control', { coalesce: false });
  const byDefault = await start('by-default', {});
  const idle = await start('idle', idleLayers);
  const stores = await start('storing', storingLayers);
  const client = await startWorker(bench, 'load-client.ts');
  const through = (service: Service) => (times: number) =>
    stream(client, service, { path: 'flights', file, records: list.length, times });
  const measured = await inTurn(bench, [
    ...withControl(none, [through(plain), through(control)]),
    { name: usual, run: through(byDefault) },
    { name: every, run: through(idle) },
    { name: storing, run: through(stores) },
  ]);
  const cpu = { control: measured.control(none, cpuPerRecord) };
  return {
    id: 'h',
    title: 'Layers that have nothing to do',
    rows: [
      {
        what: `CPU a record: ${every} ÷ ${none}`,
        ...measured.ratio(every, none, cpuPerRecord),
        target: { atMost: 1.25 },
        ...cpu,
      },
      { what: `CPU a record: ${storing} ÷ ${none}`, ...measured.ratio(storing, none, cpuPerRecord), ...cpu },
      { what: `CPU a record: ${usual} ÷ ${none}`, ...measured.ratio(usual, none, cpuPerRecord), ...cpu },
      ...[none, usual, every, storing].flatMap((name) => [
        { what: name, value: measured.spread(name, cpuPerRecord), unit: 'µs CPU a record' },
        { what: name, value: measured.spread(name, perSecond), unit: 'records/s' },
      ]),
    ],
    notes: [
      `The other system: ${airports.description}. 100 calls at a time, one lookup for each record, ordered. A header makes each call another one, so that none is shared.`,
      `All layers: ${Object.keys(idleLayers).join(', ')}, each with a setting that lets every call through. Each answer has Cache-Control: no-store; in one service the cache reads that, in one it does not and stores up to 1000 answers.`,
    ],
  };
}
