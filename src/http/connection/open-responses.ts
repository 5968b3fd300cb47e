import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import { Fifo } from '../../core/fifo.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import { acceptConnections } from './accept.ts';
import { endSocket } from './connection-end.ts';
import { closingAnswer } from './closing-answer.ts';
import { http2ConnectionOf } from '../http2/http2-connection.ts';
import { http2StreamOf } from '../http2/http2-request.ts';
import { carrierOf } from '../tls/carrier.ts';

/** The status for an error code of Node's parser. Any other code is 400. */
const statusOfCode: ReadonlyMap<string, string> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
]);

const FLUSH_MS = 1000;

/** When so many requests wait behind the one that is being answered, the connection is not read. */
const MAX_WAITING = 32;

/** A request whose head was read. `start` begins its answer. */
interface PendingRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly start: () => void;
}

interface Connection {
  /** The socket that requests are read from; the TCP connection until the first one. */
  socket: Socket;
  /** The request that is being answered. */
  current: PendingRequest | undefined;
  readonly waiting: Fifo<PendingRequest>;
  /** The bytes that follow are not a request. The connection ends after the requests before them are answered. */
  broken: boolean;
}

/**
 * The connections of a listener, and the response that is under way on each.
 *
 *     connection    current: being answered    waiting: requests behind it; each begins when the previous response is complete
 *
 * Requests of one connection are answered one after the other (RFC 9112, section 9.3.2, allows nothing else for POST).
 * A stream that began earlier would hold its output in memory until its response has the connection, and would look
 * like a stream whose client does not read.
 *
 * The requests of an HTTP/2 connection are answered at the same time, each on its own stream.
 *
 * Bytes that are not HTTP get an answer too, but never within a response, because the client would read that answer as
 * part of the response. If the body of the current request is complete, its response is finished first; otherwise the
 * connection is closed.
 */
export class OpenResponses {
  /** By TCP connection. With TLS, it is there before the socket that requests are read from. */
  readonly #connections = new Map<Socket, Connection>();
  readonly #clock: Clock;
  #closing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Includes the connections of this server from now on. */
  watch(server: Server): void {
    acceptConnections(server, (carrier) => {
      if (this.#closing) {
        carrier.destroy();
        return 'drop';
      }
      this.#opened(carrier);
      return 'serve';
    });
  }

  /** Calls `start` when all responses before this one are complete; never if the connection closes before that. */
  begin(request: IncomingMessage, response: ServerResponse, start: () => void): void {
    if (http2StreamOf(request) !== undefined) return start();
    const { socket } = request;
    const carrier = carrierOf(socket);
    const connection = this.#connections.get(carrier) ?? this.#opened(carrier);
    connection.socket = socket;
    const pending = { request, response, start };
    if (connection.current === undefined) return this.#answer(connection, pending);
    connection.waiting.push(pending);
    if (connection.waiting.size === MAX_WAITING) socket.pause();
  }

  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(carrierOf(socket));
    const current = connection?.current;
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    if (connection !== undefined && current !== undefined) {
      // While the connection is not read, a head cannot become complete: that is no timeout of the client.
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.isPaused()) return;
      connection.broken = true;
      if (!current.request.complete) socket.destroy();
      return;
    }
    const status = statusOfCode.get(error.code ?? '') ?? '400 Bad Request';
    const answer = closingAnswer(status, new RequestError('bad_request', faultOf(error)));
    socket.resume();
    endSocket(socket, answer, this.#clock, FLUSH_MS);
  }

  /** Says to the clients of HTTP/2 connections that these will end; streams that are open go on. */
  announceEnd(): void {
    for (const carrier of this.#connections.keys()) http2ConnectionOf(carrier)?.announceEnd();
  }

  /** Closes every connection without a response under way, used or unused, and each other one after its response. */
  closeUnused(): void {
    this.#closing = true;
    for (const [carrier, { current }] of this.#connections) {
      const http2 = http2ConnectionOf(carrier);
      if (http2 !== undefined) http2.end();
      else if (current === undefined) carrier.destroy();
    }
  }

  /** Closes all connections at once. */
  closeAll(): void {
    this.#closing = true;
    for (const carrier of this.#connections.keys()) carrier.destroy();
  }

  #opened(carrier: Socket): Connection {
    const connection = { socket: carrier, current: undefined, waiting: new Fifo<PendingRequest>(), broken: false };
    this.#connections.set(carrier, connection);
    carrier.once('close', () => this.#connections.delete(carrier));
    return connection;
  }

  #answer(connection: Connection, pending: PendingRequest): void {
    connection.current = pending;
    pending.response.once('close', () => {
      // A thousand small requests can arrive in one chunk. A turn of the event loop for each lets other connections run in between.
      if (connection.waiting.size > 0) inLaterTurn(() => this.#answered(connection));
      else this.#answered(connection);
    });
    pending.start();
  }

  #answered(connection: Connection): void {
    const { socket, current, waiting, broken } = connection;
    connection.current = undefined;
    const next = waiting.shift();
    if (waiting.size === MAX_WAITING - 1) socket.resume();
    // The previous response may have been the last one of its connection (`Connection: close`).
    const reaches = next?.response.socket === socket && !socket.destroyed;
    if (next !== undefined && reaches && (next.request.complete || !broken)) return this.#answer(connection, next);
    // If the body was not complete, closeAfterEarlyAnswer closes the connection after time to read the answer.
    if ((broken || this.#closing) && current?.request.complete === true) socket.destroySoon();
  }
}

/** What Node.js reports for a connection of HTTP/1 whose first head did not arrive in time. */
export function headTimeout(): NodeJS.ErrnoException {
  return Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
}

/** The first two bytes of a TLS record with a handshake: its type, and the major number of every version. */
const TLS_HANDSHAKE = Buffer.from([0x16, 0x03]);

/** What is wrong with bytes that the parser refused. */
function faultOf(error: NodeJS.ErrnoException & { readonly rawPacket?: unknown }): string {
  const { rawPacket } = error;
  const secure = rawPacket instanceof Uint8Array && TLS_HANDSHAKE.equals(rawPacket.subarray(0, 2));
  return secure
    ? 'this port speaks plain HTTP, and the client began TLS: use http://, or set server.tls'
    : error.message;
}
