import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../../core/json/json.ts';
import { causeCode } from '../../../connectors/http/socket/connect-reason.ts';
import type { ClientFiles } from '../../top/client-files.ts';
import { serviceReason } from '../../top/service-reason.ts';

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

const secure = 'it speaks TLS there: write https:// instead of http://';
const checkAddress = 'check the address: it is that of the listener for clients, in the first line of millrace serve';

/** A response other than 200. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
}

export function refused(refusal: Refusal, nowMs: number): RemoteFailure {
  const { status, text, retryAfter } = refusal;
  const problem = objectOf(text);
  const detail = problem?.['detail'];
  const why = typeof detail === 'string' ? `: ${detail}` : '';
  const retryable = passing.has(status);
  const advice = retryable ? undefined : adviceOf(refusal, problem?.['code']);
  const message = `the service answered ${status}${why}${advice === undefined ? '' : `; ${advice}`}`;
  return new RemoteFailure(message, retryable, delayOf(retryAfter, nowMs));
}

/** What to do about a refusal that would not change; undefined if its detail says it. */
function adviceOf({ status, text, location }: Refusal, code: JsonValue | undefined): string | undefined {
  if (status >= 300 && status < 400) {
    const target = location === undefined ? 'a redirect' : `the redirect to ${location}`;
    return `${target} is not followed: name that address with --url`;
  }
  if (code === 'certificate_required') return 'name one with --cert and --key';
  if (status === 401) return 'put the token into a file and name that with --token-file, or set MILLRACE_TOKEN';
  // nginx says HTTPS port, the server of Go HTTPS server.
  if (/HTTPS (?:port|server)/.test(text)) return secure;
  // A proxy or another server has no code.
  return code === undefined || code === 'unknown_route' ? checkAddress : undefined;
}

/** A response of 200 that is no stream: a page of another server. */
export function otherContent(type: string): RemoteFailure {
  return new RemoteFailure(`the answer is ${type}, and not application/x-ndjson; ${checkAddress}`, false);
}

/** A certificate that is not accepted does not change by itself. */
const finalCodes = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;
const closedCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

export interface Lost {
  readonly files: ClientFiles;
  readonly plain: boolean;
  /** Whether the service has answered, in this stream or an earlier one. */
  readonly answered: boolean;
}

/** A connection that was not opened, or that broke. */
export function lost(error: Error, { files, plain, answered }: Lost): RemoteFailure {
  const code = causeCode(error);
  if (plain && code.startsWith('HPE_') && beginsTls(error)) return new RemoteFailure(secure, false, undefined, error);
  const why = serviceReason(error, files);
  // HAProxy closes a connection with TLS without an answer to plain HTTP.
  const hint = plain && !answered && closedCodes.has(code) ? '; if it speaks TLS there, write https://' : '';
  return new RemoteFailure(why + hint, !finalCodes.test(code), undefined, error);
}

/** The first two bytes of a TLS record with an alert: its type, and the major number of every version. */
const tlsAlert = Buffer.from([0x15, 0x03]);

/** Whether the bytes that the parser of HTTP refused are those of a service with TLS. */
function beginsTls(error: Error & { readonly rawPacket?: unknown }): boolean {
  return error.rawPacket instanceof Uint8Array && tlsAlert.equals(error.rawPacket.subarray(0, 2));
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
