/** One row of a table: its key, its JSON source on one line, and where it stands, for messages. */
export interface Row {
  /** The text of the key; of a number its spelling. */
  readonly key: string;
  /** Whether the key is a JSON number. */
  readonly numeric: boolean;
  readonly json: string;
  readonly place: string;
}
