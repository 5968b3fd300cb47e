import { RecordError } from '../../core/errors.ts';

/** What a broken exchange means: the errors of sockets, TLS, DNS and undici as errors of a record. */

/** A connection that ended during the call: the server may have closed it before it read the request. */
const deadConnection = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isDeadConnection(error: unknown): boolean {
  return deadConnection.has(errorCode(error) ?? '');
}

/** undici's errors of the parser differ only in name and message. */
function isNotHttp(error: unknown): boolean {
  if (errorCode(error) === 'UND_ERR_HEADERS_OVERFLOW') return true;
  return error instanceof Error && error.name === 'HTTPParserError' && !error.message.includes('EOF');
}

/** The failure of a call whose answer is missing or incomplete. */
export function exchangeFailure(origin: string, lookup: string, error: unknown): RecordError {
  const code = errorCode(error);
  const details = { lookup, cause: error };
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new RecordError('cancelled', 'the lookup is closed', details);
  }
  const said = error instanceof Error ? error.message : String(error);
  const why = code === undefined || said.includes(code) ? said : [code, said].filter((part) => part !== '').join(': ');
  if (isNotHttp(error)) return new RecordError('bad_response', `${origin} did not answer in HTTP: ${why}`, details);
  return new RecordError('unreachable', `no complete answer from ${origin}: ${why}`, details);
}
