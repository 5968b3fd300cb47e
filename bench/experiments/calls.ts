import { flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { ratioOf, spreadOf, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { cpuPerRecord, figure, inTurn, perSecond, runsOf, type Contender } from '../rounds.ts';
import { startService } from '../service.ts';

const bare = 'bare undici dispatch';
const service = 'Millrace, the whole service';
const withUndici = 'Millrace with client: undici';
const withRequest = 'Readable.map with undici.request';
const withFetch = 'Readable.map with fetch';

/** The whole service compared with bare HTTP calls: the same downstream, the same number of calls at a time. */
export async function wholeService(bench: Bench): Promise<Section> {
  const list = flights();
  const file = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const started = (client: 'lean' | 'undici') =>
    startService(bench, client, {
      lookups: { airport: { http: { url: `${airports.origin}/airports/{iata}`, client } } },
      pipelines: {
        flights: {
          mode: 'ordered',
          capacity: 100,
          enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/originAirport' }],
        },
      },
    });
  const lean = await started('lean');
  const undici = await started('undici');
  const prefix = `${airports.origin}/airports/`;
  const client = await startWorker(bench, 'load-client.ts');
  const dispatcher = await startWorker(bench, 'bare-dispatch.ts', [airports.origin, '/airports/', 'origin', '100']);
  const mapRequest = await startWorker(bench, 'readable-map.ts', ['request', prefix]);
  const mapFetch = await startWorker(bench, 'readable-map.ts', ['fetch', prefix]);
  const stream = async ({ pid, url }: typeof lean, times: number) => {
    const figures = await withCpu(pid, () => client.run({ url: `${url}/flights`, file, times }));
    const records = list.length * times;
    if (figure(figures, 'written') !== records || figure(figures, 'errors') !== 0)
      throw new Error(
        `the service wrote ${figures['written']} of ${records} records, ${figures['errors']} of them errors`,
      );
    return figures;
  };
  const contenders: Contender[] = [
    { name: bare, run: (times) => withCpu(dispatcher.pid, () => dispatcher.run({ file, times })) },
    { name: service, run: (times) => stream(lean, times) },
    { name: withUndici, run: (times) => stream(undici, times) },
    { name: withRequest, run: (times) => withCpu(mapRequest.pid, () => mapRequest.run({ file, times })) },
    { name: withFetch, run: (times) => withCpu(mapFetch.pid, () => mapFetch.run({ file, times })) },
  ];
  const measured = await inTurn(bench, contenders, 1);
  const ratio = (name: string, pick: typeof cpuPerRecord, to = bare): Row['value'] =>
    ratioOf(runsOf(measured, name, pick), runsOf(measured, to, pick));
  return {
    id: 'a',
    title: 'The whole service against bare HTTP calls',
    rows: [
      {
        what: `CPU a record: ${service} ÷ ${bare}`,
        value: ratio(service, cpuPerRecord),
        unit: '×',
        target: { atMost: 1.35 },
      },
      { what: `records/s: ${service} ÷ ${bare}`, value: ratio(service, perSecond), unit: '×' },
      {
        what: `CPU a record: ${service} ÷ ${withUndici}`,
        value: ratio(service, cpuPerRecord, withUndici),
        unit: '×',
      },
      ...[withRequest, withFetch].map((name) => ({
        what: `CPU a record: ${name} ÷ ${bare}`,
        value: ratio(name, cpuPerRecord),
        unit: '×',
      })),
      ...contenders.flatMap(({ name }) => [
        { what: name, value: spreadOf(runsOf(measured, name, cpuPerRecord)), unit: 'µs CPU a record' },
        { what: name, value: spreadOf(runsOf(measured, name, perSecond)), unit: 'records/s' },
      ]),
    ],
    notes: [
      `The other system: ${airports.description}. 100 calls at a time, one lookup for each record, 20,000 real flights, sent repeatedly.`,
      'CPU is the user and system time of all threads of the named process alone, from /proc.',
      'The bare loop reads no lines, keeps no answers and writes nothing; the two contenders with Readable.map write to /dev/null.',
    ],
  };
}
