import { RecordError } from '../../../core/errors.ts';
import { parseJson, isJsonObject, type JsonObject } from '../../../core/json/json.ts';
import { isUtf8 } from 'node:buffer';
import type { AnswerHead } from '../client/answer-head.ts';
import { isSuccess, retryAfter } from '../http-answer.ts';

/** The largest answer of a token endpoint that is read. A token has a few kilobytes. */
export const largestTokenAnswerBytes = 65_536;

export interface AccessToken {
  readonly value: string;
  /** Undefined if the server does not say it. */
  readonly lifetimeMs: number | undefined;
}

/** Codes of RFC 6749 (5.2, 4.1.2.1) and RFC 8707. Any other text of the answer might be a secret, and is not shown. */
const errorCodes: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
]);

/** What may follow `Bearer` in a header, without the characters that would end it. */
const visible = /^[\x21-\x7e]+$/;

/**
 * Reads the answer of a token endpoint (RFC 6749, 5.1 and 5.2). Throws RecordError: `unreachable` for 429 and 5xx, which
 * pass, `bad_status` for another status, else `bad_response`. No message has a part of the body, which may hold secrets.
 */
export function readToken(head: AnswerHead, body: Buffer): AccessToken {
  if (!isSuccess(head.status)) throw refusal(head, body);
  const answer = objectIn(body);
  if (answer === undefined) throw unusable('is not a JSON object');
  const { access_token: value, token_type: type = 'bearer', expires_in: seconds } = answer;
  if (typeof value !== 'string' || value === '') throw unusable('has no access_token');
  if (!visible.test(value)) throw unusable('has an access_token with characters that a header cannot have');
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw unusable('has a token_type other than "bearer"');
  return { value, lifetimeMs: lifetimeMs(seconds) };
}

function lifetimeMs(seconds: unknown): number | undefined {
  if (seconds === undefined || seconds === null) return undefined;
  // Some servers send the number as text.
  const number = typeof seconds === 'string' && /^\d{1,12}$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof number !== 'number' || !(number >= 1))
    throw unusable('has an expires_in that is not a number of at least 1');
  return number * 1000;
}

function refusal({ status, location, retryAfter: after }: AnswerHead, body: Buffer): RecordError {
  const code = objectIn(body)?.['error'];
  const named = typeof code === 'string' && errorCodes.has(code) ? ` (${code})` : '';
  const redirect = status >= 300 && status < 400 && location !== undefined;
  const advice = redirect ? '; redirects are never followed: configure that address' : '';
  const passing = status === 429 || status >= 500;
  const retryAfterMs = retryAfter(after);
  return new RecordError(
    passing ? 'unreachable' : 'bad_status',
    `it answered ${status}${named}${advice}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function unusable(what: string): RecordError {
  return new RecordError('bad_response', `its answer ${what}`);
}

function objectIn(body: Buffer): JsonObject | undefined {
  try {
    const value = isUtf8(body) ? parseJson(body.toString('utf8')) : undefined;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
