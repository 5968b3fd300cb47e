import { type buildConnector, Client } from 'undici';
import { readingConnector } from './http-reading.ts';
import { socketConnector, type SocketOptions } from './http-socket.ts';
import { Connection, WaitingCalls, type PooledCall } from './http-waiting.ts';

/**
 * Connections to one origin, and the calls that wait for one.
 *
 *     call ──▶ top of `open` ─────────▶ Connection { client, running 1 of slots 1 }   full: off the stack
 *                ▲ [conn][conn][conn]   stack of those with room; the one used last is used next
 *                │
 *     call ──▶ first ⇄ call ⇄ last      none has room and `connections` are there: first come, first served
 *
 * Taking and giving back are O(1). Calls that waited are handed out together, once per turn of the event loop:
 * that lets the kernel give several answers at a time and never dispatches from inside undici's parser.
 * A connection that has died opens itself again with its next call.
 */
export interface HttpPoolOptions extends SocketOptions {
  readonly method: string;
  readonly connections: number;
  readonly pipelining: number;
}

const streamsPerConnection = 100;
/** Calls that may wait, in multiples of those that run: ten rounds of the downstream's own time. */
const waitingRounds = 10;
const leastWaiting = 1000;

export class HttpPool {
  readonly #options: HttpPoolOptions;
  readonly #maxWaiting: number;
  readonly #all: Connection[] = [];
  readonly #open: Connection[] = [];
  readonly #queue = new WaitingCalls();
  #running = 0;
  #handOutScheduled = false;
  #closed = false;
  readonly #connectSocket: buildConnector.connector;
  readonly #url: URL;

  constructor(options: HttpPoolOptions) {
    this.#options = options;
    this.#url = spelledOut(options.origin);
    const plain = options.origin.startsWith('http:') && !options.http2;
    this.#connectSocket = plain ? readingConnector(options) : socketConnector(options);
    this.#maxWaiting = Math.max(leastWaiting, waitingRounds * options.connections * options.pipelining);
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get maxWaiting(): number {
    return this.#maxWaiting;
  }

  /** Those that are connected now. */
  get connections(): number {
    return this.#all.reduce((sum, { client }) => sum + (client.stats.connected ? 1 : 0), 0);
  }

  /** Starts the call or lets it wait; false where it can do neither, because too many wait or the pool is closed. */
  submit(call: PooledCall): boolean {
    if (this.#closed) return false;
    const connection = this.#queue.first === undefined ? this.#take() : undefined;
    if (connection !== undefined) this.#start(call, connection);
    else if (this.#queue.length >= this.#maxWaiting) return false;
    else this.#queue.append(call);
    return true;
  }

  /** Sends the call again on the connection it holds, which opens a fresh socket because the last one has died. */
  again(call: PooledCall): void {
    if (call.connection !== undefined) this.#dispatch(call, call.connection);
  }

  /** Takes back a call that waits: it is never started. */
  withdraw(call: PooledCall): void {
    this.#queue.remove(call);
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

  /** Ends what runs and what waits with an error, and lets go of every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    for (let call = this.#queue.first; call !== undefined; call = this.#queue.first) {
      this.withdraw(call);
      call.abandon();
    }
    await Promise.all(this.#all.map(({ client }) => client.destroy()));
  }

  #take(): Connection | undefined {
    const top = this.#open.at(-1);
    if (top === undefined && this.#all.length >= this.#options.connections) return undefined;
    const connection = top ?? this.#connect();
    connection.running++;
    if (connection.running >= connection.slots && top !== undefined) {
      this.#open.pop();
      connection.offered = false;
    } else if (top === undefined && connection.running < connection.slots) {
      this.#offer(connection);
    }
    return connection;
  }

  #offer(connection: Connection): void {
    if (!connection.offered && connection.running < connection.slots) {
      connection.offered = true;
      this.#open.push(connection);
    }
    if (this.#queue.first === undefined || this.#handOutScheduled) return;
    this.#handOutScheduled = true;
    setImmediate(() => this.#handOut());
  }

  #handOut(): void {
    this.#handOutScheduled = false;
    while (this.#queue.first !== undefined && !this.#closed) {
      const connection = this.#take();
      if (connection === undefined) return;
      const call = this.#queue.first;
      this.withdraw(call);
      this.#start(call, connection);
    }
  }

  #start(call: PooledCall, connection: Connection): void {
    call.connection = connection;
    this.#running++;
    this.#dispatch(call, connection);
  }

  #dispatch(call: PooledCall, { client }: Connection): void {
    const { method } = this.#options;
    const { path, headers, body } = call;
    // The pool keeps to `slots` by itself. Without `idempotent` and `blocking` undici would hold back what is pipelined,
    // and without `reset` it would close the connection after a GET with a body.
    client.dispatch({ method, path, headers, body, idempotent: true, blocking: false, reset: false }, call);
  }

  #connect(): Connection {
    const { pipelining, http2 } = this.#options;
    const client = new Client(this.#url, {
      // 2 where one would do: with 1 undici lets a turn of the event loop pass before it uses a connection again.
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
          connection.slots = isHttp2 ? streamsPerConnection : pipelining;
          this.#offer(connection);
          callback(...outcome);
        }),
    });
    const connection = new Connection(client, pipelining);
    this.#all.push(connection);
    return connection;
  }
}

/** undici asks for both with each call, and a URL puts them together anew each time: 0.6 % of a call. */
function spelledOut(origin: string): URL {
  const url = new URL(origin);
  return Object.defineProperties(url, { origin: { value: url.origin }, protocol: { value: url.protocol } });
}
