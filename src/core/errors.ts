import type { Secrets } from './secrets/secrets.ts';
import { thrownMessage } from './thrown.ts';

/**
 * The one table of the errors of records and of requests.
 *
 * The code of a record is in `_error.code` and in the label `code` of `millrace_record_errors_total`;
 * the code of a request is in `code` and `type` of an RFC 9457 problem.
 */

interface RecordErrorEntry {
  /** Status of the response if the request is one single record (`application/json`). */
  readonly status: number;
  /** Whether the same call may succeed a little later. */
  readonly retryable: boolean;
  readonly meaning: string;
}

export const recordErrors = {
  invalid_json: { status: 422, retryable: false, meaning: 'the line is not JSON' },
  invalid_utf8: { status: 422, retryable: false, meaning: 'the line is not UTF-8' },
  line_too_long: { status: 422, retryable: false, meaning: 'the line is longer than limits.lineBytes' },
  not_an_object: { status: 422, retryable: false, meaning: 'the line is JSON, but not an object' },
  missing_argument: { status: 422, retryable: false, meaning: 'the record has no value for an argument of a lookup' },
  expression_error: { status: 422, retryable: false, meaning: 'a `when` or `until` has no value for the record' },
  timeout: { status: 504, retryable: true, meaning: 'the time of the attempt or of the record ran out' },
  unreachable: { status: 502, retryable: true, meaning: 'no connection, or it broke before the answer was complete' },
  bad_status: { status: 502, retryable: true, meaning: 'the lookup answered with a status other than 2xx' },
  bad_response: {
    status: 502,
    retryable: false,
    meaning: 'the answer is not JSON, or has nothing at the place that `select` names',
  },
  response_too_large: { status: 502, retryable: false, meaning: 'the answer is larger than maxResponseBytes' },
  breaker_open: { status: 503, retryable: true, meaning: 'the circuit breaker of the lookup is open' },
  not_found: { status: 404, retryable: false, meaning: 'the lookup has no answer, and `onMiss` is `error`' },
  invalid_result: {
    status: 502,
    retryable: false,
    meaning:
      'the function returned no collection or a value that is not JSON, or a step reached `repeat.max` before `until` was true',
  },
  function_error: { status: 502, retryable: false, meaning: 'the function threw' },
  cancelled: { status: 503, retryable: true, meaning: 'the stream ended before the answer came' },
} as const satisfies Record<string, RecordErrorEntry>;

export type RecordErrorCode = keyof typeof recordErrors;

export const requestErrors = {
  bad_parameter: { status: 400, title: 'A parameter of the request cannot be used' },
  bad_body: { status: 400, title: 'The body cannot be read' },
  bad_request: { status: 400, title: 'The request is not understood' },
  unauthorized: { status: 401, title: 'The request has no valid token' },
  forbidden: { status: 403, title: 'The token may not do this' },
  certificate_required: { status: 403, title: 'A client certificate is required' },
  forbidden_origin: { status: 403, title: 'A web page of this origin may not do this' },
  unknown_pipeline: { status: 404, title: 'There is no such pipeline' },
  unknown_route: { status: 404, title: 'There is no such resource' },
  method_not_allowed: { status: 405, title: 'The resource does not support this method' },
  not_acceptable: { status: 406, title: 'None of the accepted media types and codings can be sent' },
  body_too_large: { status: 413, title: 'The body is too large' },
  decompression_ratio: { status: 413, title: 'The body is decompressed to too many bytes' },
  unsupported_media_type: { status: 415, title: 'The media type of the body is not supported' },
  expectation_failed: { status: 417, title: 'The expectation of the request is not understood' },
  unsupported_encoding: { status: 415, title: 'The content encoding of the body is not supported' },
  misdirected: { status: 421, title: 'The host of the request is not served here' },
  configuration_refused: { status: 422, title: 'The configuration cannot be used' },
  too_many_streams: { status: 429, title: 'There are too many streams' },
  too_many_records: { status: 429, title: 'There are too many records in a second' },
  too_many_connections: { status: 503, title: 'There are too many connections' },
  internal: { status: 500, title: 'A defect of the service' },
  unsupported_transfer_encoding: { status: 501, title: 'The transfer coding of the body is not supported' },
  overloaded: { status: 503, title: 'No call of the lookup could begin in time' },
  draining: { status: 503, title: 'The service is shutting down' },
  record_failed: { status: 502, title: 'The record could not be enriched' },
  stalled: { status: 408, title: 'The response was not read' },
  spool_full: { status: 507, title: 'The output that the client does not read cannot be kept' },
  idle: { status: 408, title: 'Nothing was sent' },
  bad_resume: { status: 400, title: 'The stream cannot be resumed at the requested place' },
} as const;

export type RequestErrorCode = keyof typeof requestErrors;

/** Details of a failed lookup; the client may see all of them. */
export interface FailureDetails {
  readonly lookup?: string;
  /** HTTP status of the last answer. */
  readonly status?: number;
  /** Calls made, the first one counted. */
  readonly attempts?: number;
  /** Milliseconds after which the lookup may be called again, from `Retry-After` of its answer. */
  readonly retryAfterMs?: number;
  /** Another call fails as well, until the configuration or the network is changed: it is not retried. */
  readonly final?: boolean;
  readonly cause?: unknown;
}

/** What is reported about a record that failed. */
export interface RecordFailure {
  readonly code: RecordErrorCode;
  readonly message: string;
  /** Absent if no lookup was called: the line itself was wrong. */
  readonly details?: FailureDetails;
}

/** Characters of the message of a user's error, at most: the message is sent with the record. */
const longestMessage = 2000;

/** The failure of one record: an outcome, never the end of a stream by itself. */
export class RecordError extends Error implements RecordFailure {
  override readonly name = 'RecordError';
  readonly code: RecordErrorCode;
  readonly details: FailureDetails;
  /** Private, so that `in` recognises an instance without running code of the thrown value; `instanceof` runs a trap of a Proxy. */
  readonly #retryable: boolean;

  constructor(code: RecordErrorCode, message: string, details: FailureDetails = {}) {
    // No stack trace: it is most of the cost of an error and says nothing about a record, and thousands of records can
    // fail, or be cancelled, in one turn of the event loop.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = details;
    this.#retryable = recordErrors[code].retryable;
  }

  /** The same failure with these details as well. */
  with(details: FailureDetails): RecordError {
    return new RecordError(this.code, this.message, { cause: this.cause, ...this.details, ...details });
  }

  /** The same failure without secrets in its message. */
  without(secrets: Secrets): RecordError {
    const message = secrets.hide(this.message);
    return message === this.message
      ? this
      : new RecordError(this.code, message, { cause: this.cause, ...this.details });
  }

  get retryable(): boolean {
    return this.#retryable;
  }

  /**
   * Makes a RecordError of any value; never throws. A RecordError of another copy of this package keeps its code and
   * message; any other error becomes `function_error`. Both have the thrown value as their `cause`.
   */
  static from(thrown: unknown): RecordError {
    if (typeof thrown === 'object' && thrown !== null && #retryable in thrown) return thrown;
    const message = thrownMessage(thrown);
    const shown = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
    return new RecordError(foreignCode(thrown) ?? 'function_error', shown, { cause: thrown });
  }
}

/** The code of a RecordError of another copy of this package. The value may be anything, even a Proxy that throws. */
function foreignCode(thrown: unknown): RecordErrorCode | undefined {
  try {
    if (!(thrown instanceof Error) || thrown.name !== 'RecordError' || !('code' in thrown)) return undefined;
    const { code } = thrown;
    return isRecordErrorCode(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function isRecordErrorCode(code: unknown): code is RecordErrorCode {
  return typeof code === 'string' && Object.hasOwn(recordErrors, code);
}

/** The failure of a whole request. Before the first byte of the response it is sent as a problem; after that, the stream is cut. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  /** Members that are added to the problem, for example `limit`. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Seconds after which a refused client (429, 503) may try again. */
  readonly retryAfterSeconds: number;

  constructor(
    code: RequestErrorCode,
    detail: string,
    extra: Readonly<Record<string, unknown>> = {},
    retryAfterSeconds = 1,
  ) {
    // Without a stack trace, like RecordError: a client may send any number of requests that are refused.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.extra = extra;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): number {
    return requestErrors[this.code].status;
  }
}
