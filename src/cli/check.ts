import { toYaml } from '../config/redact.ts';
import { exitCodes } from './exit-codes.ts';
import { type ConfigFlags, settingsOf } from './settings.ts';

export interface CheckFlags extends ConfigFlags {
  readonly json: boolean;
  /** Try each lookup once; implied by `with`. */
  readonly connect: boolean;
  /** `NAME=VALUE` or `LOOKUP.NAME=VALUE`: arguments to call lookups with. */
  readonly with: readonly string[];
}

/**
 * `millrace check`: the effective configuration to stdout, or every mistake of it to stderr and 78. With `connect` also
 * a line on stderr for each lookup (with `json` all of it as one object on stdout), and 1 where one failed.
 */
export async function check(flags: CheckFlags): Promise<number> {
  const loaded = settingsOf(flags);
  const { effective, source } = loaded;
  if (!flags.connect && flags.with.length === 0) {
    process.stdout.write(flags.json ? json(effective) : toYaml(effective));
    process.stderr.write(`${source} is valid\n`);
    return exitCodes.done;
  }
  const { connect, trialLines, UnusedArgument } = await import('./connect.ts');
  try {
    const trials = await connect(loaded, flags.with, (trying) => {
      // While it waits for the slowest lookup, what is known already is there to be read.
      if (!flags.json) process.stdout.write(toYaml(effective));
      process.stderr.write(`${source} is valid; trying ${trying} lookup${trying === 1 ? '' : 's'}\n`);
    });
    if (flags.json) process.stdout.write(json({ configuration: effective, lookups: trials }));
    else process.stderr.write(trialLines(trials));
    if (trials.every(({ ok }) => ok)) return exitCodes.done;
    // What was given up on may hold the process: a module whose `open` never ends.
    await Promise.all([written(process.stdout), written(process.stderr)]);
    return process.exit(exitCodes.failed);
  } catch (error) {
    if (!(error instanceof UnusedArgument)) throw error;
    process.stderr.write(`millrace: ${error.message}\n`);
    return exitCodes.usage;
  }
}

const written = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()));

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
