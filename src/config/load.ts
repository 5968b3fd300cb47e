import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Fingerprint, fingerprintOf } from '../core/file-watch.ts';
import type { Finding } from '../core/finding.ts';
import { ConfigError } from './checks/config-error.ts';
import { crossChecks } from './checks/cross-checks.ts';
import { readDocument } from './document/document.ts';
import { draftOf, type PartialConfig } from './checks/draft.ts';
import { type EffectiveConfig, effectiveOf } from './effective.ts';
import { environment } from './environment.ts';
import { examine } from './checks/examine.ts';
import { overlay } from './document/overlay.ts';
import { withProxies } from './document/proxy-environment.ts';
import { mostReferenceBytes, readText } from './document/read-text.ts';
import { Report } from './checks/report.ts';
import { type Config, configSchema } from './schema/schema.ts';
import { grammarAt } from './schema/schema-walk.ts';
import { listed } from './schema/values.ts';
import { broughtSecrets, secretsOf } from './secrets-of.ts';
import { unusableDirectory } from './spool-dir.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export { ConfigError, findingLine, mistakeOf } from './checks/config-error.ts';
export type { PartialConfig } from './checks/draft.ts';

export interface LoadOptions {
  /** Undefined: millrace.yaml, millrace.yml or millrace.json of the working directory. */
  readonly file: string | undefined;
  /** Default: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Dotted path, such as `server.port`, to text. */
  readonly flags: Readonly<Record<string, string>>;
  /** The checks of other rooms. The configuration that they get may have mistakes in other places. */
  readonly checks: readonly ((config: PartialConfig) => readonly Finding[])[];
  /** Whether to read the files of `server.tls`, and to check that `server.spool.dir` can be written to. Default: true. */
  readonly listens?: boolean;
}

export interface Loaded {
  readonly config: Config;
  /** The file name, as the user wrote it. */
  readonly source: string;
  /** Absolute path of the folder that relative file names start from. */
  readonly baseDir: string;
  /** The configuration with every default, in the units that its author used, secrets hidden. */
  readonly effective: EffectiveConfig;
  /** The values that no text may show: those that references brought in, and those that are secret by their name. */
  readonly secrets: readonly string[];
  /** The file and the files that it refers to, by absolute path, each with its fingerprint from just before it was read. */
  readonly files: ReadonlyMap<string, Fingerprint>;
  /** The files of `server.tls`; undefined if there is no such section, or if the files were not read. */
  readonly tls: TlsFiles | undefined;
}

const mostSourceBytes = 64 * 1024 ** 2;

/** A configuration that was read, and the mistakes that are known so far. */
export interface Reading {
  /** The part of it that has no mistakes. */
  readonly draft: PartialConfig;
  readonly baseDir: string;
  /** The files of `server.tls`; undefined if they cannot be used, or were not read. */
  readonly tls: TlsFiles | undefined;
  /** Adds the findings of another check. */
  add(findings: readonly Finding[]): void;
  /** Throws ConfigError with every finding. */
  finish(): Loaded;
}

/** The file name that means standard input. */
export const standardInput = '-';

/**
 * Reads a configuration. A flag goes before the environment, the environment before the file, the file before a default.
 * Throws ConfigError with every mistake.
 */
export function loadConfig(options: LoadOptions): Loaded {
  return readConfig(options).finish();
}

/** Throws ConfigError if the text cannot be read, or is not YAML: then nothing else can be checked. */
export function readConfig({ file, env = environment, flags, checks, listens = true }: LoadOptions): Reading {
  const input = file === standardInput;
  const source = input ? '<stdin>' : (file ?? findFile());
  const baseDir = input ? process.cwd() : dirname(resolve(source));
  const files = new Map<string, Fingerprint>();
  const readFile = (name: string): string => {
    const path = resolve(baseDir, name);
    // The fingerprint of the first reading counts: a change after it may be missing from a part of the configuration.
    if (!files.has(path)) files.set(path, fingerprintOf(path));
    return readText(path, mostReferenceBytes);
  };
  if (!input) files.set(resolve(source), fingerprintOf(source));
  const text = readSource(input ? 0 : source, source, files);
  const document = readDocument(text, { env, readFile }, (path) => grammarAt(configSchema, path));
  const overlaid = withProxies(overlay(document.value, env, flags), env);
  const report = new Report(source, document, overlaid);
  if (!document.readable) throw new ConfigError(report.findings(), files);

  const { tree, config, findings } = examine(overlaid, document);
  report.add(tree, findings);
  const draft = draftOf(tree, findings);
  for (const inspect of [crossChecks, ...checks]) report.add(tree, inspect(draft));
  const ofTls = listens && draft.tls !== undefined ? readTlsFiles(draft.tls, readFile) : undefined;
  if (ofTls !== undefined) report.add(tree, ofTls.findings);
  const tls = ofTls?.tls;
  if (listens) report.add(tree, checkSpoolDir(draft, baseDir));

  return {
    draft,
    baseDir,
    tls,
    add: (found) => report.add(tree, found),
    finish() {
      const all = report.findings();
      if (all.length > 0 || config === undefined) throw new ConfigError(all, files);
      const secrets = [...broughtSecrets(document), ...secretsOf(config)];
      return { config, source, baseDir, effective: effectiveOf(tree, document.shown), secrets, files, tls };
    },
  };
}

function checkSpoolDir({ spoolDir }: PartialConfig, baseDir: string): readonly Finding[] {
  const dir = spoolDir === undefined ? undefined : resolve(baseDir, spoolDir);
  const why = dir === undefined ? undefined : unusableDirectory(dir);
  if (why === undefined) return [];
  const message = `expected a directory that can be written to (${why}); create it, or correct the path or the rights: ${dir}`;
  return [{ path: ['server', 'spool', 'dir'], message }];
}

const usualFiles = ['millrace.yaml', 'millrace.yml', 'millrace.json'];

function findFile(): string {
  const found = usualFiles.find((name) => existsSync(name));
  if (found !== undefined) return found;
  const message = `no configuration found: this folder has no ${listed(usualFiles)}; name the file with --config FILE`;
  throw new ConfigError([{ file: process.cwd(), path: [], message }]);
}

function readSource(from: string | number, source: string, files: ReadonlyMap<string, Fingerprint>): string {
  try {
    return readText(from, mostSourceBytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the configuration cannot be read: ${reason}`;
    throw new ConfigError([{ file: source, path: [], message }], files);
  }
}
