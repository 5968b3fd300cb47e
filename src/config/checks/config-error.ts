import type { Fingerprint } from '../../core/file-watch.ts';
import type { Finding } from '../../core/finding.ts';
import { pathText } from '../document/path.ts';

/** A finding whose position is known. */
export type Located = Finding & { readonly file: string };

/** A configuration that cannot be used, with every finding in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly findings: readonly Located[];
  /** The files that were read, or could not be, with their fingerprints: a change of one may correct the configuration. */
  readonly files: ReadonlyMap<string, Fingerprint>;

  constructor(findings: readonly Located[], files: ReadonlyMap<string, Fingerprint> = new Map()) {
    super(findings.map((finding) => findingLine(finding)).join('\n'));
    this.findings = findings;
    this.files = files;
  }

  /** One line for each finding. */
  override toString(): string {
    return this.message;
  }
}

/**
 * A value from outside the file has only the name of its variable or flag, which says the path too:
 *
 *     millrace.yaml:12:5 pipelines.flights.capcity: unknown key; did you mean "capacity"?
 *     --port: expected a whole number from 0 to 65535, got "abc"
 */
export function findingLine({ file, line, column, path, message }: Located): string {
  if (line === undefined) return `${file}: ${message}`;
  const place = `${file}:${line}:${column ?? 1}`;
  return path.length === 0 ? `${place}: ${message}` : `${place} ${pathText(path)}: ${message}`;
}

/** A finding as JSON, for `check --json` and the response of a reload. Every member is always present. */
export interface JsonMistake {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly path: string;
  readonly message: string;
  readonly nearest: string | null;
}

export function mistakeOf({ file, line, column, path, message, nearest }: Located): JsonMistake {
  return { file, line: line ?? null, column: column ?? null, path: pathText(path), message, nearest: nearest ?? null };
}
