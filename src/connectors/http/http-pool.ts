import { EventEmitter } from 'node:events';
import type { Settings } from 'node:http2';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Gate } from '../../core/call/gate.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import { readingConnector } from './http-reading.ts';
import { socketConnector, type SocketOptions } from './http-socket.ts';

export interface HttpPoolOptions extends SocketOptions {
  readonly method: string;
  readonly connections: number;
  readonly pipelining: number;
}

const streamsPerConnection = 100;

/** One call of the pool: the parts of its request, and undici's handler for the answer. */
export interface PooledCall extends Dispatcher.DispatchHandler {
  readonly path: string;
  readonly headers: string[];
  readonly body: string | null;
  /** The connection that the call runs on. */
  connection: Connection | undefined;
}

export class Connection {
  readonly client: Client;
  running = 0;
  /** Calls that may run at the same time. Over HTTP/2 the settings of the server raise it. */
  slots: number;
  /** Whether it is in the stack `withRoom`. */
  offered = false;
  /** Whether its socket has received a complete answer. The server may have closed such a socket since. */
  kept = false;

  constructor(client: Client, slots: number) {
    this.client = client;
    this.slots = slots;
  }
}

/**
 * Connections to one origin, and the gate before them.
 *
 *     call ──▶ top of `withRoom` ─────▶ Connection { client, running 1 of slots 1 }   full: off the stack
 *                ▲ [conn][conn][conn]   stack of connections with room; the one used last is used next
 *
 * Taking a connection and returning it are O(1). The pool has no queue: a call is made only while the pool is open, and
 * waits in lookup/limit. The pool reports at most once a turn of the event loop that it is open again, so the kernel can
 * deliver several answers at a time, and undici's parser never dispatches a call.
 * A dead connection opens a new socket with its next call.
 */
export class HttpPool implements Gate {
  readonly #options: HttpPoolOptions;
  readonly #all: Connection[] = [];
  readonly #withRoom: Connection[] = [];
  #running = 0;
  #onOpen: (() => void) | undefined = undefined;
  #openingScheduled = false;
  #closed = false;
  readonly #connectSocket: buildConnector.connector;
  readonly #url: URL;

  constructor(options: HttpPoolOptions) {
    this.#options = options;
    this.#url = spelledOut(options.origin);
    const plain = options.origin.startsWith('http:') && !options.http2;
    this.#connectSocket = plain ? readingConnector(options) : socketConnector(options);
  }

  get running(): number {
    return this.#running;
  }

  /** Whether a connection has room for a call, or another one may be opened. A closed pool is open: its calls fail at once. */
  get open(): boolean {
    return this.#closed || this.#withRoom.length > 0 || this.#all.length < this.#options.connections;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Connections whose socket is open. */
  get connections(): number {
    return this.#all.reduce((sum, { client }) => sum + (client.stats.connected ? 1 : 0), 0);
  }

  whenOpen(hook: () => void): void {
    this.#onOpen = hook;
    if (this.open) this.#scheduleOpening();
  }

  /** Throws an Error if the pool is not open. */
  start(call: PooledCall): void {
    const connection = this.#take();
    if (connection === undefined) throw new Error('a call was made while every connection was in use');
    call.connection = connection;
    this.#running++;
    this.#dispatch(call, connection);
  }

  /** Sends the call again on the connection it holds, which opens a fresh socket because the last one has died. */
  again(call: PooledCall): void {
    if (call.connection !== undefined) this.#dispatch(call, call.connection);
  }

  /** The call has ended: its connection has room for another. */
  release(call: PooledCall): void {
    const { connection } = call;
    if (connection === undefined) return;
    call.connection = undefined;
    connection.running--;
    this.#running--;
    this.#offer(connection);
  }

  /** Fails the calls that run, and closes every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#onOpen = undefined;
    await Promise.all(this.#all.map(({ client }) => client.destroy()));
  }

  #take(): Connection | undefined {
    const top = this.#withRoom.at(-1);
    if (top === undefined && this.#all.length >= this.#options.connections) return undefined;
    const connection = top ?? this.#connect();
    connection.running++;
    if (connection.running >= connection.slots && top !== undefined) {
      this.#withRoom.pop();
      connection.offered = false;
    } else if (top === undefined && connection.running < connection.slots) {
      this.#offer(connection);
    }
    return connection;
  }

  #offer(connection: Connection): void {
    if (!connection.offered && connection.running < connection.slots) {
      connection.offered = true;
      this.#withRoom.push(connection);
    }
    if (this.#onOpen !== undefined) this.#scheduleOpening();
  }

  /**
   * The server may change the number of streams that it allows at any time. Above it undici would queue calls, and their
   * time would run.
   */
  #followSettings(connection: Connection): void {
    const session = sessionOf(connection.client);
    if (session === undefined) return this.#resize(connection, streamsPerConnection);
    session.on('remoteSettings', ({ maxConcurrentStreams = streamsPerConnection }: Settings) => {
      if (sessionOf(connection.client) !== session) return;
      this.#resize(connection, Math.min(maxConcurrentStreams, streamsPerConnection));
    });
  }

  #resize(connection: Connection, slots: number): void {
    connection.slots = slots;
    if (connection.running < slots) return this.#offer(connection);
    if (!connection.offered) return;
    connection.offered = false;
    this.#withRoom.splice(this.#withRoom.indexOf(connection), 1);
  }

  #scheduleOpening(): void {
    if (this.#openingScheduled) return;
    this.#openingScheduled = true;
    inLaterTurn(() => {
      this.#openingScheduled = false;
      const hook = this.#onOpen;
      if (hook === undefined || !this.open) return;
      this.#onOpen = undefined;
      hook();
    });
  }

  #dispatch(call: PooledCall, { client }: Connection): void {
    const { method } = this.#options;
    const { path, headers, body } = call;
    // The pool itself bounds the calls by `slots`. Without `idempotent` and `blocking` undici would delay pipelined calls,
    // and without `reset` it would close the connection after a GET with a body.
    client.dispatch({ method, path, headers, body, idempotent: true, blocking: false, reset: false }, call);
  }

  #connect(): Connection {
    const { pipelining, http2 } = this.#options;
    const client = new Client(this.#url, {
      // 2 instead of 1: with 1 undici waits for a turn of the event loop before it uses a connection again.
      pipelining: Math.max(2, pipelining),
      allowH2: http2,
      h2Options: { maxConcurrentStreams: streamsPerConnection },
      // The time of a call is bounded by the layer `timeout`; undici's own timers are too coarse for it.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) =>
        this.#connectSocket(options, (...outcome) => {
          const socket = outcome[1] ?? null;
          const isHttp2 = socket !== null && 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
          connection.kept = false;
          this.#resize(connection, pipelining);
          callback(...outcome);
          if (isHttp2) this.#followSettings(connection);
        }),
    });
    const connection = new Connection(client, pipelining);
    this.#all.push(connection);
    return connection;
  }
}

/**
 * undici reads both members for each call, and a URL builds them each time: 0.6 % of a call.
 * Borrowed (docs/dependencies.md): undici does not promise to keep this URL, nor to read its own members.
 */
function spelledOut(origin: string): URL {
  const url = new URL(origin);
  return Object.defineProperties(url, { origin: { value: url.origin }, protocol: { value: url.protocol } });
}

/** Borrowed (docs/dependencies.md): undici keeps the session behind a symbol and does not give it out. */
function sessionOf(client: Client): EventEmitter | undefined {
  const symbol = Object.getOwnPropertySymbols(client).find(({ description }) => description === 'http2Session');
  const session: unknown = symbol && Reflect.get(client, symbol);
  return session instanceof EventEmitter ? session : undefined;
}
