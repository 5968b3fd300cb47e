/** A stored answer, and what an HTTP server has sent with it. */
export interface KnownAnswer {
  readonly json: string;
  /** Names and values in turn, by which the server recognises it (RFC 9110, 13.1): `if-none-match`, `if-modified-since`. */
  readonly validators: readonly string[];
  readonly lifetime: LifetimeFields;
}

/** The fields that say how long an answer is fresh. A confirmation that lacks one of them does not change it. */
export type LifetimeFields = Readonly<Partial<Record<'cache-control' | 'expires', string>>>;
