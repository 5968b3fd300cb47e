import { parseArgs } from 'node:util';
import { modes, type Mode } from '../test/simulation/plan.ts';
import { levels, type RoundLimits, simulateRound } from '../test/simulation/simulate.ts';

/**
 * Runs the real operator, and the real layers of lookups, on a virtual clock with seeded faults, and checks the rules of the semantics after
 * every event. Stops at the first rule that is broken, and prints the command that repeats the run.
 */
const help = `npm run simulate -- [options]

  --records N     records in all, as 1e8; default 1e6
  --seed N        the first seed; alone it runs exactly that round, as a failure names it
  --rounds N      rounds, each of the seed after the one before
  --mode M        ordered, unordered or keyed; default what the seed says
  --level L       operator, library, protection (limit, breaker and rateLimit of a lookup) or layers (all layers of a
                  lookup); default: layers in each fourth round, else operator or library, as the seed says
  --verbose       every event of every round, to stdout

  npm run simulate -- --records 1e8
`;

const progressMs = 2000;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} is a whole number, not ${text}`);
}

function oneOf<Value extends string>(name: string, values: readonly Value[], text: string): Value {
  const value = values.find((known) => known === text);
  if (value === undefined) throw new Error(`--${name} is one of ${values.join(', ')}, not ${text}`);
  return value;
}

interface Options {
  readonly firstSeed: number;
  readonly rounds: number;
  readonly records: number;
  readonly limits: RoundLimits;
  readonly verbose: boolean;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      records: { type: 'string' },
      seed: { type: 'string' },
      rounds: { type: 'string' },
      mode: { type: 'string' },
      level: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { records, seed, rounds, mode, level, verbose } = values;
  const one = seed !== undefined && rounds === undefined && records === undefined;
  const limits: { mode?: Mode; level?: NonNullable<RoundLimits['level']> } = {};
  if (mode !== undefined) limits.mode = oneOf('mode', modes, mode);
  if (level !== undefined) limits.level = oneOf('level', levels, level);
  return {
    firstSeed: seed === undefined ? 1 : wholeNumber('seed', seed),
    rounds: rounds === undefined ? (one ? 1 : Infinity) : wholeNumber('rounds', rounds),
    records: records === undefined ? (one || rounds !== undefined ? Infinity : 1e6) : wholeNumber('records', records),
    limits,
    verbose,
  };
}

/** Modes are those of the operator, so a chosen one leaves out the layers. A failure names its level. */
function levelOf(seed: number, limits: RoundLimits): RoundLimits {
  const chosen = limits.level !== undefined || limits.mode !== undefined;
  return chosen || seed % 4 !== 0 ? limits : { ...limits, level: 'layers' };
}

async function simulate({ firstSeed, rounds, records, limits, verbose }: Options): Promise<void> {
  const trace = verbose ? (line: string): void => void process.stdout.write(`${line}\n`) : undefined;
  const started = performance.now();
  let reported = started;
  let done = 0;
  let seed = firstSeed;
  const progress = (): void => {
    const seconds = Math.max(0.001, (performance.now() - started) / 1000);
    const mib = Math.round(process.memoryUsage().rss / 2 ** 20);
    const rate = Math.round(done / seconds);
    process.stderr.write(
      `${done} records, ${seed - firstSeed} rounds, ${seconds.toFixed(1)} s, ${rate}/s, ${mib} MiB\n`,
    );
  };
  for (; seed - firstSeed < rounds && done < records; seed++) {
    done += await simulateRound(seed, levelOf(seed, limits), {}, trace);
    if (performance.now() - reported < progressMs) continue;
    reported = performance.now();
    progress();
  }
  progress();
}

try {
  const options = readOptions();
  if (options === undefined) process.stdout.write(help);
  else await simulate(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
