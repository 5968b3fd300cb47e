import { ConfigError, type Located, mistakeOf } from '../config/checks/config-error.ts';
import type { Loaded } from '../config/load.ts';
import { toYaml } from '../config/redact.ts';
import { invalidTimes } from '../config/tls-files.ts';
import { Secrets } from '../core/secrets/secrets.ts';
import { wallClockMs } from '../core/time/time.ts';
import { exitCodeOfFindings, exitCodes, UsageError } from './exit-codes.ts';
import { withProcessDefaults } from '../service/process-limits.ts';
import { type ConfigFlags, readingOf } from './settings.ts';

export interface CheckFlags extends ConfigFlags {
  /** More configurations than `config`. Without any, the configuration of the working directory is checked. */
  readonly files: readonly string[];
  readonly json: boolean;
  /** Try each lookup once; implied by `with`. */
  readonly connect: boolean;
  /** `NAME=VALUE` or `LOOKUP.NAME=VALUE`: arguments to call lookups with. */
  readonly with: readonly string[];
}

type Checked = { readonly loaded: Loaded } | { readonly findings: readonly Located[] };

/**
 * `millrace check`: writes the effective configuration to stdout, or its mistakes to stderr (with `json` to stdout), and
 * resolves with the exit code. With `connect` it also tries each lookup and writes a line for it to stderr (with `json`
 * one object for everything to stdout); the exit code is 1 if one failed.
 */
export async function check(flags: CheckFlags): Promise<number> {
  const { config, files, json } = flags;
  const named = [...(config === undefined ? [] : [config]), ...files];
  if (named.filter((file) => file === '-').length > 1)
    throw new UsageError('standard input (-) can be read only once; name it once');
  const trying = flags.connect || flags.with.length > 0;
  if (trying && named.length > 1)
    throw new UsageError('--connect and --with work with one configuration; check the others in another command');
  const checked: Checked[] = [];
  for (const file of named.length === 0 ? [undefined] : named) checked.push(await checkFile(flags, file));
  const [first] = checked;
  if (checked.length > 1) return several(checked, json);
  if (first === undefined || 'findings' in first) {
    const mistakes = first?.findings ?? [];
    if (json) print({ mistakes: mistakes.map((finding) => mistakeOf(finding)) });
    else process.stderr.write(`${new ConfigError(mistakes).toString()}\n`);
    return exitCodeOfFindings(mistakes);
  }
  if (trying) return tryLookups(first.loaded, flags);
  if (json) print(first.loaded.effective);
  else process.stdout.write(toYaml(first.loaded.effective));
  process.stderr.write(`${first.loaded.source} is valid\n`);
  return exitCodes.done;
}

async function checkFile(flags: CheckFlags, config: string | undefined): Promise<Checked> {
  try {
    const { config: _, ...otherFlags } = flags;
    const reading = readingOf(config === undefined ? otherFlags : { ...otherFlags, config });
    const { lookups } = reading.draft;
    const { hasFiles, missingModules, readFiles } = await import('../pipeline/lookups/read-files.ts');
    if (hasFiles(lookups)) {
      const { silentRuntime } = await import('./connect.ts');
      reading.add(missingModules(lookups, reading.baseDir));
      reading.add(await readFiles(lookups, silentRuntime(reading.baseDir, new Secrets())));
    }
    if (reading.tls !== undefined) reading.add(invalidTimes(reading.tls, wallClockMs()));
    return { loaded: withProcessDefaults(reading.finish()) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { findings: error.findings };
  }
}

/** Writes a YAML document for each valid configuration, or one JSON object for all of them. */
function several(checked: readonly Checked[], json: boolean): number {
  const valid = checked.flatMap((one) => ('loaded' in one ? [one.loaded] : []));
  const mistakes = checked.flatMap((one) => ('findings' in one ? one.findings : []));
  if (json) {
    const configurations = Object.fromEntries(valid.map(({ source, effective }) => [source, effective]));
    print({ configurations, mistakes: mistakes.map((finding) => mistakeOf(finding)) });
  } else {
    process.stdout.write(valid.map(({ source, effective }) => `---\n# ${source}\n${toYaml(effective)}`).join(''));
    if (mistakes.length > 0) process.stderr.write(`${new ConfigError(mistakes).toString()}\n`);
  }
  for (const { source } of valid) process.stderr.write(`${source} is valid\n`);
  return mistakes.length > 0 ? exitCodeOfFindings(mistakes) : exitCodes.done;
}

async function tryLookups(loaded: Loaded, flags: CheckFlags): Promise<number> {
  const { effective, source } = loaded;
  const { connect, trialLines } = await import('./connect.ts');
  const trials = await connect(loaded, flags.with, (trying) => {
    // The configuration is written before the trials, which take as long as the slowest lookup.
    if (!flags.json) process.stdout.write(toYaml(effective));
    process.stderr.write(`${source} is valid; trying ${trying} lookup${trying === 1 ? '' : 's'}\n`);
  });
  if (flags.json) print({ configuration: effective, lookups: trials });
  else process.stderr.write(trialLines(trials));
  if (trials.every(({ ok }) => ok)) return exitCodes.done;
  // A trial that timed out may keep the process running: a module whose `open` never ends.
  await Promise.all([written(process.stdout), written(process.stderr)]);
  return process.exit(exitCodes.failed);
}

const written = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()));

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
