import { certificate } from '../test/connectors/http/client/both-ends.ts';
import { compareWithUndici } from '../test/connectors/http/client/fuzz/differential.ts';
import { compareOverSockets } from '../test/connectors/http/client/fuzz/socket-differential.ts';

/**
 * `npm run fuzz:http -- [mutants] [seed] [scenarios]`: compares the HTTP client with undici, and prints what both show,
 * and each difference with its count. Fails if a difference has no name.
 *
 * The parser reads `mutants` of answers. Then the whole client plays `scenarios` over real sockets (resets, half-close,
 * answers that no call asked for), one in five of them over TLS; by default one for each hundred mutants.
 */
const [mutants = 1_000_000, seed = 42, scenarios = Math.ceil(mutants / 100)] = process.argv.slice(2).map(Number);

function print(title: string, counts: Readonly<Record<string, number>>, unexplained: readonly object[]): void {
  const lines = [
    title,
    ...Object.entries(counts)
      .toSorted((a, b) => b[1] - a[1])
      .map(([name, times]) => `${times}\t${name}`),
    ...unexplained.slice(0, 20).map((one) => `without a name: ${JSON.stringify(one)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (unexplained.length > 0) process.exitCode = 1;
}

const { taken, refused, different, unexplained } = await compareWithUndici(seed, mutants);
print(`seed ${seed}, ${mutants} mutants: both take ${taken}, both refuse ${refused}`, different, unexplained);
const secure = Math.ceil(scenarios / 5);
for (const [protocol, count] of [['http', scenarios - secure] as const, ['https', secure] as const]) {
  // oxlint-disable-next-line no-await-in-loop
  const result = await compareOverSockets(protocol, certificate(), { seed, count });
  const alike = Object.values(result.alike).reduce((sum, one) => sum + one, 0);
  const title = `seed ${seed}, ${count} scenarios over ${protocol}: callers see the same in ${alike}, ${result.taken} take the first answer`;
  print(title, result.different, result.unexplained);
}
