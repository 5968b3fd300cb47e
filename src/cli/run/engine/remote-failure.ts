import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../../core/json/json.ts';

/** Why a stream through a service is not complete. */
export class RemoteFailure extends Error {
  override readonly name = 'RemoteFailure';
  /** Whether another stream may succeed. */
  readonly retryable: boolean;
  /** Milliseconds that the service wants to be left alone, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryable: boolean, retryAfterMs?: number, cause?: unknown) {
    super(message, { cause });
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Statuses of a service that is overloaded or ends, and of a proxy whose service does not answer. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The ends of a stream that another stream does not have. */
const passingCodes: ReadonlySet<string> = new Set([
  'draining',
  'idle',
  'stalled',
  'internal',
  'bad_body',
  'overloaded',
]);

/** A response other than 200. */
export function refused(status: number, text: string, retryAfter: string | undefined, nowMs: number): RemoteFailure {
  const problem = objectOf(text);
  const detail = problem?.['detail'];
  const why = typeof detail === 'string' ? `: ${detail}` : '';
  const redirect = status >= 300 && status < 400 ? '; a redirect is not followed' : '';
  const message = `the service answered ${status}${why}${redirect}`;
  return new RemoteFailure(message, passing.has(status), delayOf(retryAfter, nowMs));
}

/** A `$fatal` line. */
export function fatal({ code, detail }: JsonObject): RemoteFailure {
  const why = `${typeof code === 'string' ? code : 'unknown'}: ${typeof detail === 'string' ? detail : 'no reason'}`;
  return new RemoteFailure(`the service ended the stream: ${why}`, typeof code === 'string' && passingCodes.has(code));
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function delayOf(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function objectOf(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
