import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { acceptConnections } from './accept.ts';
import { endSocket } from './connection-end.ts';
import { PROBLEM_TYPE, requestProblem, RETRY_AFTER_SECONDS } from '../problem.ts';

export interface ConnectionsOptions {
  /** The most connections that may be open. */
  readonly limit: number;
  /** The most connections over the limit that are being answered with 503. A further one is closed without an answer. */
  readonly refusedAtOnce: number;
  readonly clock: Clock;
}

/** Bounds the connections of a server from now on. */
export function limitConnections(server: Server, options: ConnectionsOptions): Connections {
  return new Connections(server, options);
}

/** How long a refused client may take to read its 503. */
const REFUSED_MS = 1000;

/**
 * Bounds the connections of one listener.
 *
 *     connection ──▶ open < limit ──▶ idle ◀──▶ busy (a response is under way)
 *                └─▶ open = limit ──▶ the connection that was idle for longest is closed; the new one takes its place
 *                                └──▶ no connection is idle: the new one gets 503 with Retry-After, and is closed
 *
 * A connection on which the client has sent nothing is idle too. A busy connection is never closed.
 */
export class Connections {
  limit: number;
  /** Idle connections that were closed to make room. */
  closedIdle = 0;
  /** Connections that were refused. */
  refused = 0;
  readonly #refusedAtOnce: number;
  readonly #clock: Clock;
  /** Responses under way on each connection. */
  readonly #responses = new Map<Socket, number>();
  /** Idle connections; the one that was idle for longest comes first. */
  readonly #idle = new Set<Socket>();
  readonly #refusing = new Set<Socket>();

  constructor(server: Server, { limit, refusedAtOnce, clock }: ConnectionsOptions) {
    this.limit = limit;
    this.#refusedAtOnce = refusedAtOnce;
    this.#clock = clock;
    acceptConnections(server, (socket) => this.#admits(socket));
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#begun(request.socket, response),
    );
  }

  get open(): number {
    return this.#responses.size;
  }

  get idle(): number {
    return this.#idle.size;
  }

  #admits(socket: Socket): boolean {
    if (this.open >= this.limit && !this.#closeIdle()) {
      this.#refuse(socket);
      return false;
    }
    this.#responses.set(socket, 0);
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#responses.delete(socket);
      this.#idle.delete(socket);
    });
    return true;
  }

  #begun(socket: Socket, response: ServerResponse): void {
    const before = this.#responses.get(socket);
    if (before === undefined) return;
    this.#responses.set(socket, before + 1);
    this.#idle.delete(socket);
    response.once('close', () => {
      const underWay = this.#responses.get(socket);
      if (underWay === undefined) return;
      this.#responses.set(socket, underWay - 1);
      if (underWay === 1) this.#idle.add(socket);
    });
  }

  #closeIdle(): boolean {
    for (const socket of this.#idle) {
      this.#idle.delete(socket);
      this.#responses.delete(socket);
      socket.destroy();
      this.closedIdle += 1;
      return true;
    }
    return false;
  }

  #refuse(socket: Socket): void {
    this.refused += 1;
    socket.on('error', () => {});
    if (this.#refusing.size >= this.#refusedAtOnce) return void socket.destroy();
    this.#refusing.add(socket);
    socket.once('close', () => this.#refusing.delete(socket));
    const detail = `${this.limit} connections are open (limits.connections), and none of them is idle`;
    const body = JSON.stringify(requestProblem(new RequestError('too_many_connections', detail), 'none'));
    const head = [
      'HTTP/1.1 503 Service Unavailable',
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `Retry-After: ${RETRY_AFTER_SECONDS}`,
      'Connection: close',
    ];
    endSocket(socket, `${head.join('\r\n')}\r\n\r\n${body}`, this.#clock, REFUSED_MS);
    socket.resume();
  }
}
