/**
 * The words that a configuration, a request and the metrics share, each list once. The schemas of `config`, the query
 * parameters and the OpenAPI document of `http`, and the labels of `observability` are made of these.
 */

/** The order in which the lines of a stream are written. */
export const modes = ['ordered', 'unordered', 'keyed'] as const;
export type Mode = (typeof modes)[number];

/**
 * Whether a client reads the response while it sends. full: it does. half: it may read only after it has sent everything.
 * auto: it is found out.
 */
export const duplexes = ['auto', 'full', 'half'] as const;
export type Duplex = (typeof duplexes)[number];

/** What becomes of a record whose lookup failed. A configuration may also name an answer to use instead. */
export const errorPolicies = ['annotate', 'fail', 'drop', 'passthrough'] as const;

/** What becomes of a record that a lookup knows nothing about. */
export const missPolicies = ['null', 'omit', 'drop', 'error'] as const;

/** What `_meta` may hold in each line. */
export const metaFields = ['seq', 'timing', 'source', 'attempts'] as const;
export type MetaField = (typeof metaFields)[number];

/** The content codings of bodies (RFC 9110, section 8.4.1), by their registered names. */
export const contentCodings = ['gzip', 'br', 'zstd'] as const;
export type ContentCoding = (typeof contentCodings)[number];

/** From the most to the fewest lines. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Why a TLS handshake with a client failed. */
export const handshakeFailures = [
  'plain_http',
  'client_certificate',
  'refused_by_client',
  'protocol',
  'timeout',
  'closed',
] as const;
export type HandshakeFailure = (typeof handshakeFailures)[number];

/** Why output that its client does not read could not be kept. */
export const spoolRefusals = ['stream_full', 'all_full', 'disk'] as const;
export type SpoolRefusal = (typeof spoolRefusals)[number];
