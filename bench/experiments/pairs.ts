import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Measured, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import { ownRoot } from '../service.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

const [here, there] = ['this checkout', 'the other checkout'] as const;

/** One measurement of a checkout: resolves with a function that runs it. */
type Subject = (root: string, name: string) => Promise<Contender['run']>;

/**
 * Compares two checkouts within one run: CPU per record and records per second of this one, divided by those of the other
 * one. The control, this checkout divided by itself, shows how much of a ratio is noise.
 */
export async function pairs(bench: Bench, otherRoot: string, names: readonly string[]): Promise<Section> {
  const rows: Row[] = [];
  for (const [id, what, prepare] of subjects(bench)) {
    if (!names.includes(id)) continue;
    bench.say(`(${id}) ${what}`);
    try {
      const subject = await prepare();
      const own = [await subject(ownRoot, 'here'), await subject(ownRoot, 'control')] as const;
      const other = { name: there, run: await subject(otherRoot, 'there') };
      rows.push(...ratios(`(${id}) ${what}`, await inTurn(bench, [...withControl(here, own), other])));
    } finally {
      await bench.cleanUp();
    }
  }
  return {
    id: 'pairs',
    title: 'This checkout ÷ another one',
    rows,
    notes: [
      'CPU below 1 and records/s above 1: this checkout is the better one. The control is this checkout ÷ itself.',
    ],
  };
}

function ratios(what: string, measured: Measured): Row[] {
  const measures = [
    ['CPU a record', cpuPerRecord],
    ['records/s', perSecond],
  ] as const;
  return measures.map(([measure, pick]) => ({
    what: `${what}: ${measure}`,
    ...measured.ratio(here, there, pick),
    control: measured.control(here, pick),
  }));
}

function subjects(bench: Bench): readonly (readonly [id: string, what: string, prepare: () => Promise<Subject>])[] {
  const list = flights();
  const airports = async (query: string): Promise<Subject> => {
    const { origin } = await startAirports(bench);
    return service(bench, { http: { url: `${origin}/airports/{iata}` } }, query, list);
  };
  const waits = async (): Promise<Subject> => {
    const server = await startWorker(bench, 'latency-server.ts');
    const records = Array.from({ length: bench.seconds * 2000 }, (_, n) => ({ n, origin: 10_000 }));
    const lookup = { http: { url: `http://127.0.0.1:${server.ready['port']}/wait/{iata}` } };
    return service(bench, lookup, 'mode=unordered', records);
  };
  const operator = async (): Promise<Subject> => async (root) => {
    const worker = await startWorker(bench, 'operator-contender.ts', ['operator, ordered'], root);
    const unit = 20_000;
    return (size) => withCpu(worker.pid, () => worker.run({ records: size * unit }));
  };
  return [
    ['a', 'whole service, no latency, ordered', () => airports('mode=ordered')],
    ['a', 'whole service, no latency, unordered', () => airports('mode=unordered')],
    ['b', 'whole service, 10 ms, unordered', waits],
    ['c', 'operator alone, ordered', operator],
    [
      'd',
      'whole service, table, ordered',
      () => service(bench, { table: { file: airportsCsv, key: 'iata' } }, 'mode=ordered', list),
    ],
    ['e', 'whole service, one record at a time', () => airports('capacity=1')],
  ];
}

/** The same stream through the service of each checkout. */
async function service(bench: Bench, airport: object, query: string, records: readonly object[]): Promise<Subject> {
  const file = bench.file('records.ndjson', ndjson(records));
  const client = await startWorker(bench, 'load-client.ts');
  return async (root, name) => {
    const started = await startFlights(bench, name, 'http' in airport ? callForEach(airport, root) : airport, root);
    return (times) => stream(client, started, { path: `flights?${query}`, file, records: records.length, times });
  };
}
