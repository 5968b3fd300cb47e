/** One row of a table: its key, its JSON source on one line, and where it stands, for messages. */
export interface Row {
  readonly key: string;
  readonly json: string;
  readonly place: string;
}
