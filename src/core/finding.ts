/** Where a value is in a configuration: names of members, and indexes of lists. */
export type Path = readonly (string | number)[];

/**
 * Something that is wrong with a configuration. Every check returns findings, and all of them are reported at once:
 *
 *     { path: ['pipelines', 'flights', 'capcity'], place: 'key', nearest: 'capacity',
 *       message: 'unknown key; did you mean "capacity"?' }
 *
 *     millrace.yaml:12:5 pipelines.flights.capcity: unknown key; did you mean "capacity"?
 */
export interface Finding {
  /** The value that is wrong or missing; empty for the whole file. */
  readonly path: Path;
  /** What is wrong and, after a semicolon, what to do. */
  readonly message: string;
  /** The word that was probably meant. */
  readonly nearest?: string;
  /** Whether the position of the key or of the value is reported. Default: the value. A missing member has the position of its map. */
  readonly place?: 'key' | 'value';
  /** Index of the character that is wrong in the text at `path`. */
  readonly within?: number;
  /** The file, or the environment variable or flag, that the value comes from. Absent until the position is known. */
  readonly file?: string;
  /** From 1; absent if the value does not come from a file. */
  readonly line?: number;
  /** In characters, from 1. */
  readonly column?: number;
}
