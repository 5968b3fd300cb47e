import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { ratioOf, type Figures, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu, type Worker } from '../processes.ts';
import { cpuPerRecord, figure, inTurn, perSecond, runsOf, type Contender } from '../rounds.ts';
import { ownRoot, startService } from '../service.ts';

/** The checkouts that run in turn: this one, this one again as a control, and the other one. */
const [here, control, there] = ['this checkout', 'this checkout again', 'the other checkout'] as const;

/** One measurement of a checkout: resolves with a function that runs it. */
type Subject = (root: string, name: string) => Promise<Contender['run']>;

/**
 * Compares two checkouts, in turn within one run: CPU per record and records per second of this one, divided by those of
 * the other one. The control, this checkout divided by itself, shows how much of a ratio is noise.
 */
export async function pairs(bench: Bench, otherRoot: string, names: readonly string[]): Promise<Section> {
  const rows: Row[] = [];
  for (const [id, what, prepare] of subjects(bench)) {
    if (!names.includes(id)) continue;
    bench.say(`(${id}) ${what}`);
    try {
      const subject = await prepare();
      const contenders: Contender[] = [
        { name: here, run: await subject(ownRoot, 'here') },
        { name: control, run: await subject(ownRoot, 'control') },
        { name: there, run: await subject(otherRoot, 'there') },
      ];
      rows.push(...ratios(id, what, await inTurn(bench, contenders, id === 'c' ? 20_000 : 1)));
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

function ratios(id: string, what: string, measured: ReadonlyMap<string, readonly Figures[]>): Row[] {
  const measures = [
    ['CPU a record', cpuPerRecord],
    ['records/s', perSecond],
  ] as const;
  return measures.flatMap(([measure, pick]) =>
    [there, control].flatMap((other): Row[] => {
      const value = ratioOf(runsOf(measured, here, pick), runsOf(measured, other, pick));
      if (!Number.isFinite(value.median)) return [];
      return [{ what: `(${id}) ${what}: ${measure}${other === control ? ', control' : ''}`, value, unit: '×' }];
    }),
  );
}

function subjects(bench: Bench): readonly (readonly [id: string, what: string, prepare: () => Promise<Subject>])[] {
  const list = flights();
  const airports = async (mode: string): Promise<Subject> => {
    const file = bench.file('flights.ndjson', ndjson(list));
    const { origin } = await startAirports(bench);
    const client = await startWorker(bench, 'load-client.ts');
    const lookups = { airport: { http: { url: `${origin}/airports/{iata}` } } };
    return (root, name) => service(bench, root, name, client, { lookups, file, mode, records: list.length });
  };
  const waits = async (): Promise<Subject> => {
    const records = bench.seconds * 2000;
    const file = bench.file('waits.ndjson', ndjson(Array.from({ length: records }, (_, n) => ({ n, origin: 10_000 }))));
    const server = await startWorker(bench, 'latency-server.ts');
    const client = await startWorker(bench, 'load-client.ts');
    const lookups = { airport: { http: { url: `http://127.0.0.1:${server.ready['port']}/wait/{iata}` } } };
    return (root, name) => service(bench, root, name, client, { lookups, file, mode: 'unordered', records });
  };
  const table = async (): Promise<Subject> => {
    const file = bench.file('flights.ndjson', ndjson(list));
    const client = await startWorker(bench, 'load-client.ts');
    const lookups = { airport: { table: { file: airportsCsv, key: 'iata' } } };
    return (root, name) => service(bench, root, name, client, { lookups, file, mode: 'ordered', records: list.length });
  };
  const operator = async (): Promise<Subject> => async (root) => {
    const worker = await startWorker(bench, 'operator-contender.ts', ['operator, ordered'], root);
    return (records) => withCpu(worker.pid, async () => ({ ...(await worker.run({ records })), records }));
  };
  return [
    ['a', 'whole service, no latency, ordered', () => airports('ordered')],
    ['a', 'whole service, no latency, unordered', () => airports('unordered')],
    ['b', 'whole service, 10 ms, unordered', waits],
    ['c', 'operator alone, ordered', operator],
    ['d', 'whole service, table, ordered', table],
  ];
}

interface Load {
  readonly lookups: object;
  readonly file: string;
  readonly mode: string;
  readonly records: number;
}

async function service(
  bench: Bench,
  root: string,
  name: string,
  client: Worker,
  { lookups, file, mode, records }: Load,
): Promise<Contender['run']> {
  const enrich = [{ lookup: 'airport', with: { iata: '/origin' }, into: '/originAirport' }];
  const { pid, url } = await startService(bench, name, { lookups, pipelines: { flights: { enrich } } }, root);
  return async (times) => {
    const figures = await withCpu(pid, () => client.run({ url: `${url}/flights?mode=${mode}`, file, times }));
    if (figure(figures, 'written') === records * times && figure(figures, 'errors') === 0) return figures;
    throw new Error(
      `${name} wrote ${figures['written']} of ${records * times} records, ${figures['errors']} of them errors`,
    );
  };
}
