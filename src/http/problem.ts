import type { FastifyReply } from 'fastify';
import { type RecordErrorCode, recordErrors, RequestError, requestErrors } from '../core/errors.ts';
import { readCodings } from './coding/negotiation.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457. A code may add members of its own, for example `parameter` and `limit`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** `urn:millrace:request:` followed by the value of `X-Request-Id`. */
  readonly instance: string;
  readonly [extra: string]: unknown;
}

/** The problem that says why a request has no complete answer. */
export function requestProblem(error: RequestError, requestId: string): Problem {
  const { status, title } = requestErrors[error.code];
  return { ...base(error.code, title, status, error.message, requestId), ...error.extra };
}

/** The problem that says why the only record of a request (`application/json`) could not be enriched. */
export function recordProblem(code: RecordErrorCode, detail: string, requestId: string, extra: object): Problem {
  const { status, meaning } = recordErrors[code];
  return { ...extra, ...base(code, `The record failed: ${meaning}`, status, detail, requestId) };
}

function base(code: string, title: string, status: number, detail: string, requestId: string): Problem {
  return {
    type: `urn:millrace:problem:${code}`,
    title,
    status,
    detail,
    code,
    instance: `urn:millrace:request:${requestId}`,
  };
}

/** Seconds after which a refused client may try again. */
export const RETRY_AFTER_SECONDS = 1;

/** Sends bytes: the framework would add a charset to a text, and JSON has none. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  retryAfterSeconds = RETRY_AFTER_SECONDS,
): FastifyReply {
  if (problem.status === 429 || problem.status === 503) reply.header('retry-after', String(retryAfterSeconds));
  if (problem.code === 'unsupported_encoding') reply.header('accept-encoding', readCodings);
  reply.header('x-request-id', reply.request.id);
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problem)));
}

export function sendRequestError(reply: FastifyReply, error: RequestError): FastifyReply {
  return sendProblem(reply, requestProblem(error, reply.request.id), error.retryAfterSeconds);
}
