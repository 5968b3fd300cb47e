import type { Bench } from '../bench.ts';
import { perSecond, type Row, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';

const rivals = ['Readable.map', 'p-map', 'RxJS mergeMap'];
const judged = ['operator, ordered', 'operator, unordered'];
const own = [...judged, 'orderedWait, for await'];

/** The operator alone: no HTTP, no bytes, a function that answers at once. */
export async function operatorAlone(bench: Bench): Promise<Section> {
  const byPromise = [...own, ...rivals];
  const byValue = [...judged, ...rivals].map((name) => `${name}, value`);
  const started = async (name: string): Promise<Contender['run']> => {
    const worker = await startWorker(bench, 'operator-contender.ts', [name]);
    return (records) => worker.run({ records });
  };
  const contenders: Contender[] = [];
  for (const name of [...byPromise, ...byValue]) {
    const run = await started(name);
    if (judged.includes(name)) contenders.push(...withControl(name, [run, await started(name)]));
    else contenders.push({ name, run });
  }
  // Half of the usual time: it is still millions of records.
  const measured = await inTurn(bench, contenders, 20_000, bench.seconds / 2);
  const rate = (name: string): number => measured.spread(name, perSecond).median;
  const best = (names: readonly string[]): string => names.reduce((a, b) => (rate(a) >= rate(b) ? a : b));
  const bestRival = best(rivals);
  const bestRivalByValue = best(rivals.map((name) => `${name}, value`));
  const against = (name: string, rival: string): Row => ({
    what: `${name} ÷ ${rival}`,
    ...measured.ratio(name, rival, perSecond),
  });
  return {
    id: 'c',
    title: 'The operator alone, with a function that answers at once',
    rows: [
      ...judged.map((name) => ({
        ...against(name, bestRival),
        target: { atLeast: 2 },
        control: measured.control(name, perSecond),
      })),
      against('orderedWait, for await', bestRival),
      ...judged.map((name) => against(`${name}, value`, bestRivalByValue)),
      ...[...byPromise, ...byValue].map((what) => ({
        what,
        value: measured.spread(what, perSecond),
        unit: 'records/s',
      })),
    ],
    notes: [
      'All run the same async function, 100 calls at a time; only the operator also has a timeout for each record.',
      '"value": the function returns its answer without a promise, as a table or a cache does; for RxJS it returns of(value).',
    ],
  };
}
