import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import { Fifo } from '../../core/fifo.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import { acceptConnections } from './accept.ts';
import { endSocket } from './connection-end.ts';
import { type Problem, PROBLEM_TYPE, requestProblem } from '../problem.ts';

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
  readonly socket: Socket;
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
 * Bytes that are not HTTP get an answer too, but never within a response, because the client would read that answer as
 * part of the response. If the body of the current request is complete, its response is finished first; otherwise the
 * connection is closed.
 */
export class OpenResponses {
  readonly #connections = new Map<Socket, Connection>();
  readonly #clock: Clock;
  #closing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Includes the connections of this server from now on. */
  watch(server: Server): void {
    acceptConnections(server, (socket) => {
      if (this.#closing) socket.destroy();
      else this.#opened(socket);
      return !this.#closing;
    });
  }

  /** Calls `start` when all responses before this one are complete; never if the connection closes before that. */
  begin(request: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = request;
    const connection = this.#connections.get(socket) ?? this.#opened(socket);
    const pending = { request, response, start };
    if (connection.current === undefined) return this.#answer(connection, pending);
    connection.waiting.push(pending);
    if (connection.waiting.size === MAX_WAITING) socket.pause();
  }

  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(socket);
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
    const known = requestProblem(new RequestError('bad_request', error.message), 'none');
    const problem: Problem = { ...known, status: Number.parseInt(status, 10) };
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${status}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.resume();
    endSocket(socket, `${head.join('\r\n')}\r\n\r\n${body}`, this.#clock, FLUSH_MS);
  }

  /** Closes every connection without a response under way, used or unused, and each other one after its response. */
  closeUnused(): void {
    this.#closing = true;
    for (const { socket, current } of this.#connections.values()) if (current === undefined) socket.destroy();
  }

  /** Closes all connections at once. */
  closeAll(): void {
    this.#closing = true;
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #opened(socket: Socket): Connection {
    const connection = { socket, current: undefined, waiting: new Fifo<PendingRequest>(), broken: false };
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
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
