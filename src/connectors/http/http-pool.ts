import type { Gate } from '../../core/call/gate.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Exchange, HttpClient } from './client/http-client.ts';

export interface HttpPoolOptions {
  readonly connections: number;
  /** Calls that one connection carries at the same time, before its client says otherwise. */
  readonly pipelining: number;
  /** The client of a new connection, which reports how many calls it carries from now on. */
  readonly createClient: (resize: (slots: number) => void) => HttpClient;
}

/** One call of the pool. */
export interface PooledCall extends Exchange {
  /** The connection that the call runs on. */
  connection: Connection | undefined;
}

export class Connection {
  readonly client: HttpClient;
  running = 0;
  /** Calls that may run at the same time. Over HTTP/2 the settings of the server raise it. */
  slots: number;
  /** Whether it is in the stack `withRoom`. */
  offered = false;

  constructor(client: HttpClient, slots: number) {
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
 * deliver several answers at a time, and no call is dispatched from within a parser.
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

  constructor(options: HttpPoolOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  /** Whether a connection has room for a call, or another one may be opened. Also true after `close`, so that waiting calls are made, and fail. */
  get open(): boolean {
    return this.#closed || this.#withRoom.length > 0 || this.#all.length < this.#options.connections;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Connections whose socket is open. */
  get connections(): number {
    return this.#all.reduce((sum, { client }) => sum + (client.connected ? 1 : 0), 0);
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
    connection.client.dispatch(call);
  }

  /** Sends the call again on the connection it holds, which opens a fresh socket because the last one has died. */
  again(call: PooledCall): void {
    call.connection?.client.dispatch(call);
  }

  /** The call has ended, or is cancelled and was not sent: its connection has room for another. A second release does nothing. */
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

  #connect(): Connection {
    const { pipelining, createClient } = this.#options;
    const client = createClient((slots) => this.#resize(connection, slots));
    const connection: Connection = new Connection(client, pipelining);
    this.#all.push(connection);
    return connection;
  }
}
