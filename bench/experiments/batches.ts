import { ndjson, type Bench } from '../bench.ts';
import { cpuPerRecord, figure, perSecond, type Figures, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl } from '../rounds.ts';
import { startService } from '../service.ts';
import { stream } from '../streams.ts';

/** Milliseconds of a call of the other system, and of `linger` for records that come one by one. */
const callMs = 5;
const lingerMs = 2;
const connections = 32;
const keys = 20_000;

const single = 'single calls';
const batched = 'batches of 50';
const quick = (name: string): string => `${name}, calls without a wait`;
const alone = (name: string): string => `${name}, one record at a time`;
const medianMs = (figures: Figures): number => figure(figures, 'medianMs');

/** A lookup with and without `batch`, in front of the same server. */
export async function batches(bench: Bench): Promise<Section> {
  // Equal requests of a batch are sent once, which would be another gain: all keys differ.
  const file = bench.file('keys.ndjson', ndjson(Array.from({ length: keys }, (_, index) => ({ origin: `K${index}` }))));
  const server = await startWorker(bench, 'batch-server.ts');
  const origin = `http://127.0.0.1:${server.ready['port']}`;
  const http = (ms: number) => ({ http: { url: `${origin}/${ms}/one/{iata}`, connections } });
  const batchOf = (ms: number, linger: string) => {
    const many = { method: 'POST', url: `${origin}/${ms}/many`, body: { codes: '{iata}' }, key: '/iata' };
    return { ...http(ms), batch: { maxSize: 50, linger, http: many } };
  };
  const lookups = {
    single: http(callMs),
    batched: batchOf(callMs, '1ms'),
    again: batchOf(callMs, '1ms'),
    quickSingle: http(0),
    quickBatched: batchOf(0, '1ms'),
    lingering: batchOf(callMs, `${lingerMs}ms`),
  };
  const pipelines = Object.fromEntries(
    Object.keys(lookups).map((lookup) => [
      lookup,
      { capacity: 1000, enrich: [{ lookup, with: { iata: '/origin' }, into: '/originAirport' }] },
    ]),
  );
  const service = await startService(bench, 'batches', { lookups, pipelines });
  const client = await startWorker(bench, 'load-client.ts');
  const through = (path: keyof typeof lookups) => (times: number) =>
    stream(client, service, { path, file, records: keys, times });
  const measured = await inTurn(bench, [
    { name: single, run: through('single') },
    ...withControl(batched, [through('batched'), through('again')]),
    { name: quick(single), run: through('quickSingle') },
    { name: quick(batched), run: through('quickBatched') },
  ]);
  const pacer = await startWorker(bench, 'one-by-one.ts');
  const oneByOne = (path: keyof typeof lookups) => (times: number) =>
    pacer.run({ url: `${service.url}/${path}`, times });
  const low = await inTurn(
    bench,
    [
      { name: alone(single), run: oneByOne('single') },
      { name: alone(batched), run: oneByOne('lingering') },
    ],
    20,
    bench.seconds / 2,
  );
  return {
    id: 'g',
    title: 'A lookup with batch against one without',
    rows: [
      {
        what: `records/s: ${batched} ÷ ${single}`,
        ...measured.ratio(batched, single, perSecond),
        target: { atLeast: 8 },
        control: measured.control(batched, perSecond),
      },
      {
        what: `records/s: ${batched} ÷ ${single}, calls without a wait`,
        ...measured.ratio(quick(batched), quick(single), perSecond),
      },
      {
        what: `CPU a record: ${batched} ÷ ${single}, calls without a wait`,
        ...measured.ratio(quick(batched), quick(single), cpuPerRecord),
      },
      ...[single, batched, quick(single), quick(batched)].flatMap((what) => [
        { what, value: measured.spread(what, perSecond), unit: 'records/s' },
        { what, value: measured.spread(what, cpuPerRecord), unit: 'µs CPU a record' },
      ]),
      {
        what: `one record at a time: added by batch with linger ${lingerMs} ms`,
        ...low.difference(alone(batched), alone(single), medianMs, 'ms'),
        target: { atMost: lingerMs + 1 },
      },
      { what: alone(single), value: low.spread(alone(single), medianMs), unit: 'ms' },
    ],
    notes: [
      `The other system: one node:http process; a call takes ${callMs} ms, or no time, whatever the number of its keys. ${connections} connections, capacity 1000, maxInFlight 16, ${keys} distinct keys.`,
      'In the rows without a wait, client, service and server share the cores: the ratios show the work of all three.',
      'One record at a time: the client sends a record when it has the result of the one before, and slots are free, so that each record waits for linger. Median of each run. A timer of Node.js is late by up to a millisecond, hence the target.',
    ],
  };
}
