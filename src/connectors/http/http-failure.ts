import { cancelledError } from '../../core/call/cancelled.ts';
import { RecordError } from '../../core/errors.ts';
import type { CallOutcome } from '../../core/observer/observer.ts';

/** What a broken exchange means: the errors of sockets, TLS, DNS and undici in Millrace's words. */

/** A connection that ended while the call was on its way: it may have been closed before the call was seen. */
const deadConnection = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isDeadConnection(error: unknown): boolean {
  return deadConnection.has(errorCode(error) ?? '');
}

/** Of undici's errors of the parser only the name and the message tell which it was. */
function isNotHttp(error: unknown): boolean {
  if (errorCode(error) === 'UND_ERR_HEADERS_OVERFLOW') return true;
  return error instanceof Error && error.name === 'HTTPParserError' && !error.message.includes('EOF');
}

/** The failure of a call whose answer did not become whole. */
export function exchangeFailure(origin: string, lookup: string, error: unknown): RecordError {
  const code = errorCode(error);
  const details = { lookup, cause: error };
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new RecordError('cancelled', 'the lookup is closed', details);
  }
  const said = error instanceof Error ? error.message : String(error);
  const why = code === undefined || said.includes(code) ? said : [code, said].filter((part) => part !== '').join(': ');
  if (isNotHttp(error)) return new RecordError('bad_response', `${origin} did not answer in HTTP: ${why}`, details);
  return new RecordError('unreachable', `no whole answer from ${origin}: ${why}`, details);
}

/** The failure of a call that was cancelled. */
export function cancellation(lookup: string, reason: unknown): RecordError {
  return cancelledError(reason).with({ lookup });
}

export function outcomeOf({ code }: RecordError): CallOutcome {
  return code === 'timeout' || code === 'cancelled' || code === 'unreachable' ? code : 'bad_status';
}
