import type { Secrets } from './secrets/secrets.ts';

import { thrownMessage } from './thrown.ts';

/**
 * The one table of everything that can go wrong, for a record and for a request.
 *
 * A record's code stands in `_error.code` and in the `code` label of `millrace_record_errors_total`;
 * a request's code stands in the `code` and the `type` of an RFC 9457 problem.
 */

interface RecordErrorEntry {
  /** Status of the answer where the request is one single record (`application/json`). */
  readonly status: number;
  /** Whether the same call, made again a little later, may succeed. */
  readonly retryable: boolean;
  readonly meaning: string;
}

export const recordErrors = {
  invalid_json: { status: 422, retryable: false, meaning: 'the line is not JSON' },
  invalid_utf8: { status: 422, retryable: false, meaning: 'the line is not UTF-8' },
  line_too_long: { status: 422, retryable: false, meaning: 'the line is longer than limits.lineBytes' },
  not_an_object: { status: 422, retryable: false, meaning: 'the line is JSON, but no object' },
  missing_argument: { status: 422, retryable: false, meaning: 'the record does not hold what a lookup asks for' },
  expression_error: { status: 422, retryable: false, meaning: 'a `when` or `until` has no value for the record' },
  timeout: { status: 504, retryable: true, meaning: 'the time of the attempt or of the record ran out' },
  unreachable: { status: 502, retryable: true, meaning: 'no connection, or it died before the answer was whole' },
  bad_status: { status: 502, retryable: true, meaning: 'the lookup answered with a status that is no success' },
  bad_response: {
    status: 502,
    retryable: false,
    meaning: 'the answer is not what was configured: no JSON, or no such place in it',
  },
  response_too_large: { status: 502, retryable: false, meaning: 'the answer is larger than maxResponseBytes' },
  breaker_open: { status: 503, retryable: true, meaning: 'the circuit breaker of the lookup is open' },
  not_found: { status: 404, retryable: false, meaning: 'the lookup has no answer, and onMiss is error' },
  invalid_result: {
    status: 502,
    retryable: false,
    meaning:
      'the function gave no collection or what JSON cannot carry, or a step reached `repeat.max` before its `until` held',
  },
  function_error: { status: 502, retryable: false, meaning: 'the function threw' },
  cancelled: { status: 503, retryable: true, meaning: 'the stream ended before the answer came' },
} as const satisfies Record<string, RecordErrorEntry>;

export type RecordErrorCode = keyof typeof recordErrors;

export const requestErrors = {
  bad_parameter: { status: 400, title: 'A query parameter cannot be taken' },
  bad_body: { status: 400, title: 'The body cannot be read' },
  bad_request: { status: 400, title: 'The request is not understood' },
  web_page: { status: 403, title: 'A web page may not do this' },
  unknown_pipeline: { status: 404, title: 'There is no such pipeline' },
  unknown_route: { status: 404, title: 'There is no such resource' },
  method_not_allowed: { status: 405, title: 'The resource does not take this method' },
  not_acceptable: { status: 406, title: 'None of the accepted media types can be given' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of a media type that is not read' },
  expectation_failed: { status: 417, title: 'The expectation of the request is not understood' },
  unsupported_encoding: { status: 415, title: 'The body has a content encoding that is not read' },
  configuration_refused: { status: 422, title: 'The configuration cannot be used' },
  too_many_streams: { status: 429, title: 'There are too many streams' },
  too_many_connections: { status: 503, title: 'There are too many connections' },
  internal: { status: 500, title: 'A defect of the service' },
  unsupported_transfer_encoding: { status: 501, title: 'The body has a transfer coding that is not read' },
  overloaded: { status: 503, title: 'No call of the lookup could begin in time' },
  draining: { status: 503, title: 'The service is shutting down' },
  record_failed: { status: 502, title: 'The record could not be enriched' },
  stalled: { status: 408, title: 'The response was not read' },
  idle: { status: 408, title: 'Nothing was sent' },
  bad_resume: { status: 400, title: 'The stream cannot be taken up where the client asks' },
} as const;

export type RequestErrorCode = keyof typeof requestErrors;

/** What a failed lookup knows of its failure; all of it may be seen by the client. */
export interface FailureDetails {
  readonly lookup?: string;
  /** HTTP status of the last answer. */
  readonly status?: number;
  /** Calls made, the first one counted. */
  readonly attempts?: number;
  /** Milliseconds after which the lookup asked to be called again (`Retry-After`). */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** What is told of a record that failed. */
export interface RecordFailure {
  readonly code: RecordErrorCode;
  readonly message: string;
  /** Absent where nothing was asked: the line itself was wrong. */
  readonly details?: FailureDetails;
}

/** Of an error of a user's function, in characters: it goes out with its record. */
const longestMessage = 2000;

/** The failure of one record: an outcome, never the end of a stream by itself. */
export class RecordError extends Error implements RecordFailure {
  override readonly name = 'RecordError';
  readonly code: RecordErrorCode;
  readonly details: FailureDetails;
  /** Private, so that `in` recognises an instance without running code of what was thrown; `instanceof` runs a Proxy's. */
  readonly #retryable: boolean;

  constructor(code: RecordErrorCode, message: string, details: FailureDetails = {}) {
    // The trace of the calls is what an error costs, and it says nothing about a record: thousands fail, or are given up,
    // in one turn of the event loop.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = details;
    this.#retryable = recordErrors[code].retryable;
  }

  /** The same failure, with more known of it. */
  with(details: FailureDetails): RecordError {
    return new RecordError(this.code, this.message, { cause: this.cause, ...this.details, ...details });
  }

  /** The same failure, with a message that anybody may see. */
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
   * Total: any value becomes a RecordError. One that another copy of this package threw keeps its code and message; any
   * other error becomes `function_error`. Both have what was thrown as their `cause`.
   */
  static from(thrown: unknown): RecordError {
    if (typeof thrown === 'object' && thrown !== null && #retryable in thrown) return thrown;
    const message = thrownMessage(thrown);
    const shown = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
    return new RecordError(foreignCode(thrown) ?? 'function_error', shown, { cause: thrown });
  }
}

/** The code of a RecordError of another copy of this package. What was thrown may be anything, a Proxy that throws as well. */
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

/** The end of a whole request: before the first byte a problem document, after it a cut. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  /** Members added to the problem document, for example `limit`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: RequestErrorCode, detail: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return requestErrors[this.code].status;
  }
}
