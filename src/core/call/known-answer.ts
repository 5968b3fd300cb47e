/** A stored answer, and the headers by which an HTTP server recognises it (RFC 9110, 13.1). */
export interface KnownAnswer {
  readonly json: string;
  /** Names and values in turn: `if-none-match`, `if-modified-since`. */
  readonly validators: readonly string[];
}
