import { ndjson, type Bench } from '../bench.ts';
import { spreadOf, type Figures, type Row, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { figure } from '../rounds.ts';
import { startService } from '../service.ts';
import { heavyTailMicros, orderedOptimum, unorderedOptimum } from '../simulation.ts';

const capacity = 100;
const constantMicros = 10_000;

interface Case {
  readonly what: string;
  readonly file: string;
  /** Undefined for the bare calls. */
  readonly mode: 'ordered' | 'unordered' | undefined;
  /** The lower bound in milliseconds for these latencies, each with `overheadMs` more. */
  readonly optimumMs: (overheadMs: number) => number;
}

/** The share of capacity ÷ latency that is reached. */
export async function shareOfLimit(bench: Bench): Promise<Section> {
  const records = bench.seconds * 10_000;
  const constant = Array.from({ length: records }, () => constantMicros);
  const heavy = heavyTailMicros(records, 20_010_101);
  const write = (name: string, micros: readonly number[]): string =>
    bench.file(name, ndjson(micros.map((us, n) => ({ n, us }))));
  const constantFile = write('constant.ndjson', constant);
  const heavyFile = write('heavy.ndjson', heavy);
  const optimum = (simulate: typeof orderedOptimum, micros: readonly number[]) => (overheadMs: number) =>
    simulate(
      micros.map((us) => us / 1000 + overheadMs),
      capacity,
    );
  const cases: readonly Case[] = [
    { what: 'unordered, 10 ms', file: constantFile, mode: 'unordered', optimumMs: optimum(unorderedOptimum, constant) },
    { what: 'ordered, 10 ms', file: constantFile, mode: 'ordered', optimumMs: optimum(orderedOptimum, constant) },
    { what: 'unordered, heavy tail', file: heavyFile, mode: 'unordered', optimumMs: optimum(unorderedOptimum, heavy) },
    { what: 'ordered, heavy tail', file: heavyFile, mode: 'ordered', optimumMs: optimum(orderedOptimum, heavy) },
    {
      what: 'bare undici dispatch, 10 ms',
      file: constantFile,
      mode: undefined,
      optimumMs: optimum(unorderedOptimum, constant),
    },
  ];

  const server = await startWorker(bench, 'latency-server.ts');
  const origin = `http://127.0.0.1:${server.ready['port']}`;
  const { url } = await startService(bench, 'latency', {
    lookups: { wait: { http: { url: `${origin}/wait/{us}` } } },
    pipelines: { wait: { capacity, enrich: [{ lookup: 'wait', with: { us: '/us' }, into: '/answer' }] } },
  });
  const client = await startWorker(bench, 'load-client.ts');
  const dispatcher = await startWorker(bench, 'bare-dispatch.ts', [origin, '/wait/', 'us', String(capacity)]);
  const run = ({ file, mode }: Case): Promise<Figures> =>
    mode === undefined
      ? dispatcher.run({ file, times: 1 })
      : client.run({ url: `${url}/wait?mode=${mode}`, file, times: 1 });

  for (const one of cases) await run(one);
  const shares = new Map<string, number[]>(cases.map(({ what }) => [what, []]));
  const overheads: number[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const alone = await dispatcher.run({ file: constantFile, times: 1, concurrency: 1, records: 300 });
    const overheadMs = figure(alone, 'medianMs') - constantMicros / 1000;
    overheads.push(overheadMs);
    for (const one of cases) {
      const figures = await run(one);
      if (one.mode !== undefined && (figure(figures, 'written') !== records || figure(figures, 'errors') !== 0))
        throw new Error(
          `${one.what}: ${figures['written']} of ${records} records, ${figures['errors']} of them errors`,
        );
      shares.get(one.what)?.push(one.optimumMs(overheadMs) / figure(figures, 'elapsedMs'));
    }
    bench.say(`  round ${round + 1} of ${bench.rounds}`);
  }
  const share = ({ what, mode }: Case): Row => ({
    what: `share of the limit: ${what}`,
    value: spreadOf(shares.get(what) ?? []),
    unit: '',
    ...(mode === undefined ? {} : { target: { atLeast: 0.97 } }),
  });
  return {
    id: 'b',
    title: 'Share of what capacity ÷ latency allows',
    rows: [
      ...cases.map(share),
      { what: 'latency above the requested one, one call at a time', value: spreadOf(overheads), unit: 'ms' },
    ],
    notes: [
      `Capacity ${capacity}, ${records} records in each run; the time of a run is from the start of the request to the end of the response.`,
      'Limit: a simulation of the same latencies, each longer by the time that a bare client with one call at a time needs on top (median of 300 calls); at equal latencies it is capacity ÷ latency.',
      'Heavy tail: 5 to 10 ms, and for one call in twenty a Pareto tail (alpha 1.5) up to 250 ms; in order this costs time in any program.',
      'The server that waits loops without sleeping, and takes one of the cores.',
    ],
  };
}
