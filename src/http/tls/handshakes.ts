import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { HandshakeFailure } from '../../core/vocabulary.ts';
import { closingAnswer } from '../connection/closing-answer.ts';
import { carrierOf } from './carrier.ts';

export interface FailedHandshake {
  readonly reason: HandshakeFailure;
  /** The code of OpenSSL or of the system. */
  readonly code: string | undefined;
  /** Address of the other end; undefined if the connection is closed. */
  readonly client: string | undefined;
}

export interface HandshakeOptions {
  /** How long a handshake that begins now may take. */
  readonly timeoutMs: () => number;
  readonly clock: Clock;
  readonly failed: (handshake: FailedHandshake) => void;
}

/**
 * Bounds the handshakes of a server with TLS, and reports those that fail. Does nothing for another server.
 *
 *     connection ──▶ handshake ──▶ secureConnection ──▶ requests
 *                        └──▶ longer than timeoutMs, refused, closed: `failed`, and nothing is left
 */
export function watchHandshakes(server: HttpServer, { timeoutMs, clock, failed }: HandshakeOptions): void {
  if (!(server instanceof Server)) return;
  const pending = new WeakMap<Socket, () => void>();
  const late = new WeakSet<Socket>();
  server.prependListener('connection', (socket: Socket) => {
    const disarm = clock.setTimer(timeoutMs(), () => {
      late.add(socket);
      socket.destroy();
    });
    pending.set(socket, disarm);
    socket.once('close', disarm);
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const carrier = carrierOf(socket);
    pending.get(carrier)?.();
    // As without TLS, a client may close its side and still read. Before the handshake is complete, it may not.
    socket.allowHalfOpen = true;
  });
  // Node's own listener emits `clientError`, whose answer could not be encrypted.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const carrier = carrierOf(socket);
    const { code } = error;
    const reason = late.has(carrier) ? 'timeout' : reasonOf(code, socket);
    // OpenSSL closes the connection after this event: the answer has to be written now.
    if (reason === 'plain_http' && carrier.writable) carrier.end(closingAnswer('400 Bad Request', plainHttp));
    else socket.destroy();
    failed({ reason, code, client: carrier.remoteAddress });
  });
}

const plainHttp = new RequestError('bad_request', 'this port speaks TLS, and the request is plain HTTP: use https://');

function reasonOf(code: string | undefined, { authorizationError }: TLSSocket): HandshakeFailure {
  if (code === 'ERR_SSL_HTTP_REQUEST') return 'plain_http';
  // Node.js types it as an Error; it is the code of the check.
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' || Boolean(authorizationError)) return 'client_certificate';
  if (code === undefined || code === 'ECONNRESET' || code === 'EPIPE') return 'closed';
  return /_ALERT_/.test(code) ? 'refused_by_client' : 'protocol';
}
