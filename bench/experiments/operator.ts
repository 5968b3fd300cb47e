import type { Bench } from '../bench.ts';
import { ratioOf, spreadOf, type Row, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, perSecond, runsOf, type Contender } from '../rounds.ts';

const rivals = ['Readable.map', 'p-map', 'RxJS mergeMap'];
const own = ['operator, ordered', 'operator, unordered', 'orderedWait, for await'];

/** The operator alone: no HTTP, no bytes, a function that answers at once. */
export async function operatorAlone(bench: Bench): Promise<Section> {
  const byPromise = [...own, ...rivals];
  const byValue = [...own.slice(0, 2), ...rivals].map((name) => `${name}, value`);
  const contenders: Contender[] = [];
  for (const name of [...byPromise, ...byValue]) {
    const worker = await startWorker(bench, 'operator-contender.ts', [name]);
    contenders.push({ name, run: (records) => worker.run({ records }) });
  }
  const measured = await inTurn(bench, contenders, 20_000);
  const rates = new Map(contenders.map(({ name }) => [name, runsOf(measured, name, perSecond)]));
  const ratesOf = (name: string): readonly number[] => rates.get(name) ?? [];
  const best = (names: readonly string[]): string =>
    names.reduce((a, b) => (spreadOf(ratesOf(a)).median >= spreadOf(ratesOf(b)).median ? a : b));
  const bestRival = best(rivals);
  const bestRivalByValue = best(rivals.map((name) => `${name}, value`));
  const judged = (name: string, rival: string): Row => ({
    what: `${name} ÷ ${rival}`,
    value: ratioOf(ratesOf(name), ratesOf(rival)),
    unit: '×',
  });
  return {
    id: 'c',
    title: 'The operator alone, with a function that answers at once',
    rows: [
      { ...judged('operator, ordered', bestRival), target: { atLeast: 2 } },
      { ...judged('operator, unordered', bestRival), target: { atLeast: 2 } },
      judged('orderedWait, for await', bestRival),
      judged('operator, ordered, value', bestRivalByValue),
      judged('operator, unordered, value', bestRivalByValue),
      ...contenders.map(({ name }) => ({ what: name, value: spreadOf(ratesOf(name)), unit: 'records/s' })),
    ],
    notes: [
      'All run the same async function, 100 calls at a time; only the operator also has a timeout for each record.',
      '"value": the function returns its answer without a promise, as a table or a cache does; for RxJS it returns of(value).',
    ],
  };
}
