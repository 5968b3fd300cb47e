import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { acceptConnections } from './accept.ts';
import { http2ConnectionOf } from '../http2/http2-connection.ts';
import { socketOf } from '../http2/http2-request.ts';
import { refuseConnection } from '../http2/refuse-connection.ts';
import { carrierOf } from '../tls/carrier.ts';

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

/** How long the handshake of a refused client may take. */
const HANDSHAKE_MS = 5000;

/**
 * Bounds the connections of one listener.
 *
 *     connection ──▶ open < limit ──▶ idle ◀──▶ busy (a response is under way)
 *                └─▶ open = limit ──▶ the connection that was idle for longest is closed; the new one takes its place
 *                                └──▶ no connection is idle: the new one gets 503 with Retry-After, and is closed
 *
 * A connection on which the client has sent nothing, or whose TLS handshake is not complete, is idle too. A busy
 * connection is never closed. With TLS, all of these are the TCP connections.
 */
export class Connections {
  limit: number;
  /** Idle connections that were closed to make room. */
  closedIdle = 0;
  /** Connections that were refused. */
  refused = 0;
  readonly #refusedAtOnce: number;
  readonly #clock: Clock;
  /** Responses under way on each TCP connection. */
  readonly #responses = new Map<Socket, number>();
  /** Idle connections; the one that was idle for longest comes first. */
  readonly #idle = new Set<Socket>();
  readonly #refusing = new Set<Socket>();
  /** Busy connections that end after their last response. */
  readonly #retired = new WeakSet<Socket>();

  constructor(server: Server, { limit, refusedAtOnce, clock }: ConnectionsOptions) {
    this.limit = limit;
    this.#refusedAtOnce = refusedAtOnce;
    this.#clock = clock;
    acceptConnections(server, (connection) => this.#accept(connection));
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#begun(request, response),
    );
  }

  get open(): number {
    return this.#responses.size;
  }

  get idle(): number {
    return this.#idle.size;
  }

  /** Ends every connection that is open now: idle ones at once, each other one after its last response. */
  retire(): void {
    for (const connection of this.#responses.keys()) {
      const http2 = http2ConnectionOf(connection);
      if (http2 !== undefined) http2.end();
      else if (this.#idle.has(connection)) connection.destroy();
      else this.#retired.add(connection);
    }
  }

  #accept(connection: Socket): 'serve' | 'drop' | ((socket: Socket) => void) {
    if (this.open >= this.limit && !this.#closeIdle()) return this.#refuse(connection);
    this.#responses.set(connection, 0);
    this.#idle.add(connection);
    connection.once('close', () => {
      this.#responses.delete(connection);
      this.#idle.delete(connection);
    });
    return 'serve';
  }

  #begun(request: IncomingMessage, response: ServerResponse): void {
    const socket = socketOf(request);
    if (socket === undefined) return;
    const connection = carrierOf(socket);
    const before = this.#responses.get(connection);
    if (before === undefined) return;
    this.#responses.set(connection, before + 1);
    this.#idle.delete(connection);
    response.once('close', () => {
      const underWay = this.#responses.get(connection);
      if (underWay === undefined) return;
      this.#responses.set(connection, underWay - 1);
      if (underWay > 1) return;
      if (this.#retired.has(connection)) socket.destroySoon();
      else this.#idle.add(connection);
    });
  }

  #closeIdle(): boolean {
    for (const socket of this.#idle) {
      this.#idle.delete(socket);
      this.#responses.delete(socket);
      const http2 = http2ConnectionOf(socket);
      if (http2 === undefined) socket.destroy();
      else http2.dismiss();
      this.closedIdle += 1;
      return true;
    }
    return false;
  }

  #refuse(connection: Socket): 'drop' | ((socket: Socket) => void) {
    this.refused += 1;
    connection.on('error', () => {});
    if (this.#refusing.size >= this.#refusedAtOnce) {
      connection.destroy();
      return 'drop';
    }
    this.#refusing.add(connection);
    // With TLS, the handshake comes before the answer; without, the first bytes, which show the version of HTTP.
    const disarm = this.#clock.setTimer(HANDSHAKE_MS, () => connection.destroy());
    connection.once('close', () => {
      disarm();
      this.#refusing.delete(connection);
    });
    const detail = `${this.limit} connections are open (limits.connections), and none of them is idle`;
    const error = new RequestError('too_many_connections', detail);
    return (socket) => refuseConnection(socket, error, this.#clock);
  }
}
