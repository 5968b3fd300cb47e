import { ndjson, type Bench } from '../bench.ts';
import { cpuPerRecord, figure, spreadOf, type Pick, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import { startService } from '../service.ts';
import { heavyTailMicros, orderedOptimum, unorderedOptimum } from '../simulation.ts';
import { callForEach, stream } from '../streams.ts';

const capacity = 100;
const constantMicros = 10_000;
const bare = 'bare undici dispatch, 10 ms';
const oneCall = 'one bare call at a time';
const elapsedMs: Pick = (figures) => figure(figures, 'elapsedMs');

interface Case {
  readonly what: string;
  readonly mode: 'ordered' | 'unordered';
  readonly latencies: Latencies;
}

/** A file with the latency of each record. */
interface Latencies {
  readonly file: string;
  readonly micros: readonly number[];
}

/** The share of capacity ÷ latency that is reached, and the CPU that a record takes meanwhile. */
export async function shareOfLimit(bench: Bench): Promise<Section> {
  const write = (name: string, micros: readonly number[]): Latencies => ({
    file: bench.file(name, ndjson(micros.map((us, n) => ({ n, us })))),
    micros,
  });
  const records = bench.seconds * 10_000;
  const constant = write(
    'constant.ndjson',
    Array.from({ length: records }, () => constantMicros),
  );
  // In order, a record of the heavy tail takes five times as long as one at 10 ms.
  const heavy = write('heavy.ndjson', heavyTailMicros(bench.seconds * 2000, 20_010_101));
  const steady: readonly Case[] = [
    { what: 'unordered, 10 ms', mode: 'unordered', latencies: constant },
    { what: 'ordered, 10 ms', mode: 'ordered', latencies: constant },
  ];
  const cases: readonly Case[] = [
    ...steady,
    { what: 'unordered, heavy tail', mode: 'unordered', latencies: heavy },
    { what: 'ordered, heavy tail', mode: 'ordered', latencies: heavy },
  ];

  const server = await startWorker(bench, 'latency-server.ts');
  const origin = `http://127.0.0.1:${server.ready['port']}`;
  const started = (name: string) =>
    startService(bench, name, {
      lookups: { wait: callForEach({ http: { url: `${origin}/wait/{us}` } }) },
      pipelines: { wait: { capacity, enrich: [{ lookup: 'wait', with: { us: '/us' }, into: '/answer' }] } },
    });
  const services = [await started('latency'), await started('control')] as const;
  const client = await startWorker(bench, 'load-client.ts');
  const dispatcher = await startWorker(bench, 'bare-dispatch.ts', [origin, '/wait/', 'us', String(capacity)]);
  const dispatch = (order: { concurrency?: number; records?: number }) => () =>
    withCpu(dispatcher.pid, () => dispatcher.run({ file: constant.file, times: 1, ...order }));
  const contenders: Contender[] = [
    { name: oneCall, size: 300, run: dispatch({ concurrency: 1, records: 300 }) },
    { name: bare, size: records, run: dispatch({}) },
    ...cases.flatMap(({ what, mode, latencies: { file, micros } }) => {
      const through = (service: (typeof services)[number]) => () =>
        stream(client, service, { path: `wait?mode=${mode}`, file, records: micros.length });
      return withControl(what, [through(services[0]), through(services[1])], { size: micros.length });
    }),
  ];
  const measured = await inTurn(bench, contenders);
  const overheads = measured.runs(oneCall, (call) => figure(call, 'medianMs') - constantMicros / 1000);
  const shares = (name: string, simulate: typeof orderedOptimum, micros: readonly number[]) =>
    spreadOf(
      measured.runs(name, elapsedMs).map((elapsed, round) => {
        const latencies = micros.map((us) => us / 1000 + (overheads[round] ?? Number.NaN));
        return simulate(latencies, capacity) / elapsed;
      }),
    );
  return {
    id: 'b',
    title: 'Share of what capacity ÷ latency allows',
    rows: [
      ...cases.map(({ what, mode, latencies }): Row => ({
        what: `share of the limit: ${what}`,
        value: shares(what, mode === 'ordered' ? orderedOptimum : unorderedOptimum, latencies.micros),
        unit: '',
        target: { atLeast: 0.97 },
        control: measured.control(what, (figures) => 1 / elapsedMs(figures)),
      })),
      { what: `share of the limit: ${bare}`, value: shares(bare, unorderedOptimum, constant.micros), unit: '' },
      ...steady.map(({ what }): Row => ({
        what: `CPU a record: ${what} ÷ ${bare}`,
        ...measured.ratio(what, bare, cpuPerRecord),
        target: { atMost: 1 },
        control: measured.control(what, cpuPerRecord),
      })),
      ...[bare, ...steady.map(({ what }) => what)].map((what) => ({
        what,
        value: measured.spread(what, cpuPerRecord),
        unit: 'µs CPU a record',
      })),
      { what: `latency above the requested one, ${oneCall}`, value: spreadOf(overheads), unit: 'ms' },
    ],
    notes: [
      `Capacity ${capacity}; ${records} records in each run, ${heavy.micros.length} of the heavy tail; the time of a run is from the start of the request to the end of the response.`,
      'Limit: a simulation of the same latencies, each longer by the time that a bare client with one call at a time needs on top (median of 300 calls); at equal latencies it is capacity ÷ latency.',
      'Heavy tail: 5 to 10 ms, and for one call in twenty a Pareto tail (alpha 1.5) up to 250 ms; in order this costs time in any program.',
      'The server that waits loops without sleeping, and takes one of the cores.',
    ],
  };
}
