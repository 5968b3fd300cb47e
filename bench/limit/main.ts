import { contenders } from './contenders.ts';
import { bestFixed, script, throughput } from './downstream.ts';

/**
 * Compares adaptive limits on a simulated far end whose best limit is known and moves: `npm run bench:limit`. It takes no
 * real time, so the figures are the same on every machine.
 */
const seed = 1;

const best = bestFixed(seed);
const results = Object.entries(contenders).map(([name, create]) => ({ name, by: throughput(script, create(), seed) }));
const rows = script.map(({ name }, place) => [
  name,
  `${Math.round(best[place]?.perSecond ?? 0)}/s with ${best[place]?.limit}`,
  ...results.map(({ by }) => {
    const { perSecond = 0, meanMs = 0 } = by[place] ?? {};
    return `${(perSecond / (best[place]?.perSecond ?? 1)).toFixed(2)}, ${Math.round(meanMs)} ms`;
  }),
]);
const head = ['phase', 'best fixed limit', ...results.map(({ name }) => name)];
for (const cells of [head, head.map(() => '---'), ...rows]) process.stdout.write(`| ${cells.join(' | ')} |\n`);
