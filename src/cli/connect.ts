import type { Loaded } from '../config/load.ts';
import { connectorOf } from '../connectors/registry.ts';
import { silentLogger } from '../core/observer/logger.ts';
import { silentObserver } from '../core/observer/observer.ts';
import { Secrets } from '../core/secrets/secrets.ts';
import { systemClock } from '../core/time/time.ts';
import type { Arguments } from '../lookup/lookup.ts';
import type { LookupRuntime } from '../pipeline/lookups/lookups.ts';
import { type Trial, tryLookup } from '../pipeline/lookups/try-lookup.ts';
import { UsageError } from './exit-codes.ts';

/**
 * Tries every lookup of a configuration once, all at the same time. The results are in the order of the configuration.
 * Rejects with UsageError, before anything is tried, if no lookup takes one of the arguments.
 */
export async function connect(
  { config, baseDir, secrets: learnt }: Pick<Loaded, 'config' | 'baseDir' | 'secrets'>,
  texts: readonly string[],
  onStart: (lookups: number) => void,
): Promise<readonly Trial[]> {
  const lookups = Object.entries(config.lookups);
  const parameters = new Map(lookups.map(([name, options]) => [name, connectorOf(options).parameters]));
  const args = argumentsOf(parameters, texts);
  onStart(lookups.length);
  const secrets = new Secrets();
  secrets.learn(learnt);
  const runtime = silentRuntime(baseDir, secrets);
  return Promise.all(
    lookups.map(async ([name, options]) => {
      const trial = await tryLookup(name, options, args.get(name), runtime);
      return { ...trial, ms: Math.round(trial.ms * 10) / 10, detail: secrets.hide(trial.detail) };
    }),
  );
}

/** For lookups that serve no stream: they count, log and trace nothing. */
export function silentRuntime(baseDir: string, secrets: Secrets): LookupRuntime {
  return {
    clock: systemClock,
    observer: silentObserver,
    logger: () => silentLogger,
    tracesCalls: false,
    baseDir,
    generation: 1,
    secrets,
  };
}

/** One line for each lookup. */
export function trialLines(trials: readonly Trial[]): string {
  const width = (of: (trial: Trial) => string): number => Math.max(0, ...trials.map((trial) => of(trial).length));
  const nameWidth = width(({ lookup }) => lookup);
  const kindWidth = width(({ connector }) => connector);
  const tookWidth = width(took);
  return trials
    .map((trial) => {
      const { ok, lookup, connector, detail } = trial;
      const start = `${ok ? 'ok    ' : 'failed'}  ${lookup.padEnd(nameWidth)}  ${connector.padEnd(kindWidth)}`;
      return `${start}  ${took(trial).padStart(tookWidth)}  ${printable(detail)}\n`;
    })
    .join('');
}

const took = ({ ms }: Trial): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

/** The text on one line, without control characters that a terminal would obey. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

interface NamedValue {
  /** Undefined if the value is for every lookup that takes such an argument. */
  readonly lookup: string | undefined;
  readonly name: string;
  readonly value: string;
}

/** By lookup, its arguments. A lookup that lacks an argument is missing: it is not called. */
function argumentsOf(
  parameters: ReadonlyMap<string, readonly string[] | undefined>,
  texts: readonly string[],
): ReadonlyMap<string, Arguments> {
  const values = texts.map((text) => parsed(text));
  for (const value of values) refuseUnused(value, parameters);
  const complete = new Map<string, Arguments>();
  for (const [lookup, names] of parameters) {
    // Values for every lookup come first, so that values for this lookup replace them.
    const meant = values
      .filter((one) => one.lookup === lookup || (one.lookup === undefined && names?.includes(one.name) === true))
      .toSorted((a, b) => Number(a.lookup !== undefined) - Number(b.lookup !== undefined));
    const args = Object.fromEntries(meant.map(({ name, value }) => [name, value]));
    if (meant.length > 0 && (names ?? []).every((name) => name in args)) complete.set(lookup, args);
  }
  return complete;
}

function parsed(text: string): NamedValue {
  const { lookup, name, value } = /^(?:(?<lookup>[\w-]+)\.)?(?<name>[^=.]+)=(?<value>.*)$/s.exec(text)?.groups ?? {};
  if (name === undefined || value === undefined) {
    throw new UsageError(`--with takes NAME=VALUE or LOOKUP.NAME=VALUE, got ${JSON.stringify(text)}`);
  }
  return { lookup, name, value };
}

function refuseUnused(
  { lookup, name }: NamedValue,
  parameters: ReadonlyMap<string, readonly string[] | undefined>,
): void {
  if (lookup === undefined) {
    if ([...parameters.values()].some((names) => names?.includes(name))) return;
    const known = [...new Set([...parameters.values()].flatMap((names) => names ?? []))];
    throw new UsageError(`--with ${name}=…: no lookup takes ${name}; arguments: ${known.join(', ') || 'none'}`);
  }
  if (!parameters.has(lookup)) {
    throw new UsageError(
      `--with ${lookup}.${name}=…: unknown lookup ${lookup}; lookups: ${[...parameters.keys()].join(', ')}`,
    );
  }
  const names = parameters.get(lookup);
  if (names === undefined || names.includes(name)) return;
  throw new UsageError(
    `--with ${lookup}.${name}=…: lookup ${lookup} does not take ${name}; it takes ${names.join(', ') || 'nothing'}`,
  );
}
