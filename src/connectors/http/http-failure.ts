import { RecordError } from '../../core/errors.ts';
import { ConnectionLost } from './client/connection-lost.ts';
import { MalformedAnswer } from './client/malformed-answer.ts';
import { connectReason, errorCode, isNotConnected, reported } from './socket/connect-reason.ts';
import { NotConnected } from './socket/not-connected.ts';

/** What a broken exchange means: the errors of sockets, TLS, DNS and undici as errors of a record. */

/** A connection that ended during the call: the server may have closed it before it read the request. */
const deadConnection = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

export function isDeadConnection(error: unknown): boolean {
  return error instanceof ConnectionLost ? error.by === 'closed' : deadConnection.has(errorCode(error) ?? '');
}

/** undici's errors of the parser differ only in name and message. */
function isNotHttp(error: unknown): boolean {
  if (error instanceof MalformedAnswer || errorCode(error) === 'UND_ERR_HEADERS_OVERFLOW') return true;
  return error instanceof Error && error.name === 'HTTPParserError' && !error.message.includes('EOF');
}

/** The failure of a call whose answer is missing or incomplete. */
export function exchangeFailure(origin: string, lookup: string, error: unknown): RecordError {
  const code = errorCode(error);
  const details = { lookup, cause: error };
  if (
    code === 'UND_ERR_DESTROYED' ||
    code === 'UND_ERR_CLOSED' ||
    (error instanceof ConnectionLost && error.by === 'destroyed')
  ) {
    return new RecordError('cancelled', 'the lookup is closed', details);
  }
  if (isNotHttp(error))
    return new RecordError('bad_response', `the answer of ${origin} is refused: ${reported(error)}`, details);
  if (isNotConnected(error)) return notConnected(origin, lookup, error);
  return new RecordError('unreachable', `no complete answer from ${origin}: ${reported(error)}`, details);
}

/** The failure of a call, or of a trial, for which no connection was opened. */
export function notConnected(origin: string, lookup: string, error: unknown): RecordError {
  const final = error instanceof NotConnected && error.final;
  const details = { lookup, cause: error, ...(final && { final }) };
  return new RecordError('unreachable', `cannot connect to ${origin}: ${connectReason(error)}`, details);
}
