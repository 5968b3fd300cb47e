import { compareWithUndici } from '../test/connectors/http/client/differential.ts';

/**
 * `npm run fuzz:http -- [mutants] [seed]`: compares the HTTP client's parser with undici on mutants of answers, and
 * prints what both take, what both refuse, and each difference with its count. Fails if a difference has no name.
 */
const [count = 1_000_000, seed = 42] = process.argv.slice(2).map(Number);
const { taken, refused, different, unexplained } = await compareWithUndici(seed, count);
const lines = [
  `seed ${seed}, ${count} mutants: both take ${taken}, both refuse ${refused}`,
  ...Object.entries(different)
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, times]) => `${times}\t${name}`),
  ...unexplained.slice(0, 20).map((one) => `without a name: ${JSON.stringify(one)}`),
];
process.stdout.write(`${lines.join('\n')}\n`);
process.exitCode = unexplained.length === 0 ? 0 : 1;
