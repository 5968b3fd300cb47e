import { certificate } from '../test/connectors/http/client/both-ends.ts';
import { compareWithUndici } from '../test/connectors/http/client/fuzz/differential.ts';
import { compareOverSockets } from '../test/connectors/http/client/fuzz/socket-differential.ts';

/**
 * Compares the HTTP client of lookups with undici and prints each difference with its count. The exit code is 1 if a
 * difference has no reason that the tests name, and 2 if the command line has a mistake.
 */
const usage = `npm run fuzz:http -- [ANSWERS] [SEED] [SERIES]

  ANSWERS  answers that are changed at random and read by both clients; default 1000000, at least 1
  SEED     decides the changes; default 42
  SERIES   series of three calls over real connections, one in five of them over TLS; default a hundredth of ANSWERS

  npm run fuzz:http -- 20000 7 500

Each line of the output has a count and a difference. It says what Millrace's client does:
  refused  it refuses an answer that undici takes
  taken    it takes an answer that undici refuses
  closed   both take the answer; Millrace closes the connection after it
  kept     both take the answer; Millrace uses the connection again
`;

class UsageError extends Error {}

function wholeNumber(name: string, text: string | undefined, least: number, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`${name} is a whole number, at least ${least}, not "${text}"`);
}

function print(title: string, counts: Readonly<Record<string, number>>, unexplained: readonly object[]): void {
  const differences = Object.entries(counts).toSorted((a, b) => b[1] - a[1]);
  const lines = [
    title,
    ...differences.map(([name, times]) => `${String(times).padStart(9)}  ${name}`),
    ...unexplained.slice(0, 20).map((one) => `  without a reason: ${JSON.stringify(one)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, one) => sum + one, 0);

/** Returns the number of differences without a reason. */
async function fuzz(answers: number, seed: number, series: number): Promise<number> {
  const { taken, refused, different, unexplained } = await compareWithUndici(seed, answers);
  print(
    `${answers} answers: ${taken} taken by both alike, ${refused} refused by both, ${sumOf(different)} different:`,
    different,
    unexplained,
  );
  let without = unexplained.length;
  const secure = Math.ceil(series / 5);
  for (const [protocol, count] of [['http', series - secure] as const, ['https', secure] as const]) {
    // oxlint-disable-next-line no-await-in-loop
    const result = await compareOverSockets(protocol, certificate(), { seed, count });
    without += result.unexplained.length;
    print(
      `${count} series of calls over ${protocol}: the same seen in ${sumOf(result.alike)}, ${sumOf(result.different)} different:`,
      result.different,
      result.unexplained,
    );
  }
  return without;
}

const args = process.argv.slice(2);
try {
  if (args.includes('--help')) {
    process.stdout.write(usage);
  } else {
    const [first, second, third, ...more] = args;
    if (more.length > 0) throw new UsageError(`three numbers at most, not also "${more.join(' ')}"`);
    const answers = wholeNumber('ANSWERS', first, 1, 1_000_000);
    const seed = wholeNumber('SEED', second, 0, 42);
    const series = wholeNumber('SERIES', third, 1, Math.ceil(answers / 100));
    const without = await fuzz(answers, seed, series);
    process.stdout.write(
      without === 0
        ? `Passed: every difference has a reason. Seed ${seed}.\n`
        : `Failed: ${without} without a reason. To see them again: npm run fuzz:http -- ${answers} ${seed} ${series}\n`,
    );
    if (without > 0) process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
