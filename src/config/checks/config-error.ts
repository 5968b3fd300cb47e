import type { Fingerprint } from '../../core/file-watch.ts';

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** The file, or the environment variable or flag, that the value comes from. */
  readonly file: string;
  /** From 1; absent where the value does not come from the file. */
  readonly line?: number;
  /** In characters, from 1. */
  readonly column?: number;
  /** As `pipelines.flights.enrich[0].into`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  /** The word that was probably meant. */
  readonly nearest?: string;
}

/** A configuration that can not be used, with all that is wrong with it, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  /** Files that were read for it, or should have been, as they were then: a change of one may mend it. */
  readonly files: ReadonlyMap<string, Fingerprint>;

  constructor(problems: readonly ConfigProblem[], files: ReadonlyMap<string, Fingerprint> = new Map()) {
    super(problems.map((problem) => problemLine(problem)).join('\n'));
    this.problems = problems;
    this.files = files;
  }

  /** One line for each problem. */
  override toString(): string {
    return this.message;
  }
}

/** `millrace.yaml:12:5 pipelines.flights.capcity: unknown key; did you mean "capacity"?` */
export function problemLine({ file, line, column, path, message }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return path === '' ? `${place}: ${message}` : `${place} ${path}: ${message}`;
}

/** A mistake as JSON has it, in `check --json` and in the answer of a reload: every member is there. */
export interface JsonMistake {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly path: string;
  readonly message: string;
  readonly nearest: string | null;
}

export function mistakeOf({ file, line, column, path, message, nearest }: ConfigProblem): JsonMistake {
  return { file, line: line ?? null, column: column ?? null, path, message, nearest: nearest ?? null };
}
