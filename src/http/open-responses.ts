import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import { endSocket } from './connection-end.ts';
import { type Problem, PROBLEM_TYPE, requestProblem } from './problem.ts';

/** What Node's parser calls it, and the status it asks for. */
const statusOfCode: ReadonlyMap<string, string> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
]);

const FLUSH_MS = 1000;

/**
 * Knows the sockets on which a response is under way.
 *
 * A request that is no HTTP is told so, but never in the middle of a response: there the bytes would be taken for
 * its body, so the connection is closed.
 */
export class OpenResponses {
  readonly #sockets = new WeakSet<Socket>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begun({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#sockets.add(socket);
    response.once('close', () => this.#sockets.delete(socket));
  }

  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable || this.#sockets.has(socket)) return void socket.destroy();
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
}
