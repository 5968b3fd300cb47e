import { flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu, type Worker } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import type { Service } from '../service.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

const bare = 'bare undici dispatch';
const modes = ['ordered', 'unordered'] as const;
const service = (mode: string): string => `Millrace, ${mode}`;
const withUndici = 'Millrace, ordered, with client: undici';
const rivals = ['request', 'fetch'] as const;
/** They are slow, so they run in some of the rounds only. */
const rivalRounds = 3;
const rival = (client: string): string => `Readable.map with ${client === 'request' ? 'undici.request' : client}`;

/** The whole service compared with bare HTTP calls: the same downstream, the same number of calls at a time. */
export async function wholeService(bench: Bench): Promise<Section> {
  const list = flights();
  const file = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const url = `${airports.origin}/airports/{iata}`;
  const lean = await startFlights(bench, 'lean', callForEach({ http: { url } }));
  const control = await startFlights(bench, 'control', callForEach({ http: { url } }));
  const undici = await startFlights(bench, 'undici', callForEach({ http: { url, client: 'undici' } }));
  const client = await startWorker(bench, 'load-client.ts');
  const through = (target: Service, mode: string) => (times: number) =>
    stream(client, target, { path: `flights?mode=${mode}`, file, records: list.length, times });
  const alone = (worker: Worker) => (times: number) => withCpu(worker.pid, () => worker.run({ file, times }));
  const dispatcher = await startWorker(bench, 'bare-dispatch.ts', [airports.origin, '/airports/', 'origin', '100']);
  const contenders: Contender[] = [
    { name: bare, run: alone(dispatcher) },
    ...modes.flatMap((mode) => withControl(service(mode), [through(lean, mode), through(control, mode)])),
    { name: withUndici, run: through(undici, 'ordered') },
  ];
  for (const name of rivals) {
    const worker = await startWorker(bench, 'readable-map.ts', [name, `${airports.origin}/airports/`]);
    contenders.push({ name: rival(name), run: alone(worker), rounds: rivalRounds });
  }
  const measured = await inTurn(bench, contenders);
  const ownModes = modes.map(service);
  return {
    id: 'a',
    title: 'The whole service against bare HTTP calls',
    rows: [
      ...ownModes.map((name): Row => ({
        what: `CPU a record: ${name} ÷ ${bare}`,
        ...measured.ratio(name, bare, cpuPerRecord),
        target: { atMost: 0.75 },
        control: measured.control(name, cpuPerRecord),
      })),
      ...ownModes.map((name): Row => ({
        what: `records/s: ${name} ÷ ${bare}`,
        ...measured.ratio(name, bare, perSecond),
        control: measured.control(name, perSecond),
      })),
      {
        what: `CPU a record: ${service('ordered')} ÷ the same with client: undici`,
        ...measured.ratio(service('ordered'), withUndici, cpuPerRecord),
        control: measured.control(service('ordered'), cpuPerRecord),
      },
      ...rivals.map((name) => ({
        what: `CPU a record: ${rival(name)} ÷ ${bare}`,
        ...measured.ratio(rival(name), bare, cpuPerRecord),
      })),
      ...[bare, ...ownModes, withUndici, ...rivals.map(rival)].flatMap((name) => [
        { what: name, value: measured.spread(name, cpuPerRecord), unit: 'µs CPU a record' },
        { what: name, value: measured.spread(name, perSecond), unit: 'records/s' },
      ]),
    ],
    notes: [
      `The other system: ${airports.description}. 100 calls at a time, one lookup for each record, 20,000 real flights, sent repeatedly.`,
      'CPU is the user and system time of all threads of the named process alone, from /proc.',
      `The bare loop reads no lines, keeps no answers and writes nothing; the two contenders with Readable.map write to /dev/null, and run in ${Math.min(rivalRounds, bench.rounds)} of the ${bench.rounds} rounds.`,
    ],
  };
}
