import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type ConfigIssue, crossChecks } from './cross-checks.ts';
import { readDocument } from './document.ts';
import { draftOf, type PartialConfig } from './draft.ts';
import { type EffectiveConfig, effectiveOf } from './effective.ts';
import { examine } from './examine.ts';
import { overlay } from './overlay.ts';
import { Report } from './report.ts';
import type { Config } from './schema.ts';

export { ConfigError, type ConfigProblem } from './config-error.ts';
export type { ConfigIssue } from './cross-checks.ts';
export type { PartialConfig } from './draft.ts';
export type { EffectiveConfig } from './effective.ts';

export interface LoadOptions {
  /** Undefined: millrace.yaml, millrace.yml or millrace.json of the working directory. */
  readonly file: string | undefined;
  /** Default: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Dotted path, such as `server.port`, to text. */
  readonly flags: Readonly<Record<string, string>>;
  /** What other rooms have to say of a configuration. It may hold mistakes elsewhere. */
  readonly checks: readonly ((config: PartialConfig) => readonly ConfigIssue[])[];
}

export interface Loaded {
  readonly config: Config;
  /** The file, as it was named. */
  readonly source: string;
  /** Absolute path of the folder that relative file names start from. */
  readonly baseDir: string;
  /** The configuration as its author could have written it in full: every default, no unit changed, secrets hidden. */
  readonly effective: EffectiveConfig;
}

/**
 * Reads a configuration: flag over environment over file over default.
 * Throws ConfigError with everything that is wrong with it.
 */
export function loadConfig({ file, env = process.env, flags, checks }: LoadOptions): Loaded {
  const source = file ?? findFile();
  const baseDir = dirname(resolve(source));
  const readFile = (name: string): string => readFileSync(resolve(baseDir, name), 'utf8');
  const document = readDocument(readSource(source), { env, readFile });
  const overlaid = overlay(document.value, env, flags);
  const report = new Report(source, document, overlaid);
  if (!document.readable) throw new ConfigError(report.problems());

  const { tree, config, mistakes } = examine(overlaid, document);
  report.add(tree, mistakes);
  const draft = draftOf(tree, mistakes);
  for (const inspect of [crossChecks, ...checks]) report.add(tree, inspect(draft));

  const problems = report.problems();
  if (problems.length > 0 || config === undefined) throw new ConfigError(problems);
  return { config, source, baseDir, effective: effectiveOf(tree, document.shown) };
}

const usualFiles = ['millrace.yaml', 'millrace.yml', 'millrace.json'];

function findFile(): string {
  const found = usualFiles.find((name) => existsSync(name));
  if (found !== undefined) return found;
  const message = `there is no configuration: looked for ${usualFiles.join(', ')}; name another with --config FILE`;
  throw new ConfigError([{ file: process.cwd(), path: '', message }]);
}

function readSource(source: string): string {
  try {
    return readFileSync(source, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ file: source, path: '', message: `the configuration can not be read: ${reason}` }]);
  }
}
