import type { Socket } from 'node:net';
import type { Clock } from '../../../core/time/time.ts';
import { socketConnector, type SocketOptions } from '../socket/http-socket.ts';
import type { AnswerHead, AnswerReceiver } from './answer-head.ts';
import { forwardingOf } from '../socket/proxy.ts';
import type { Opening } from '../socket/proxy-tunnel.ts';
import { AnswerParser } from './answer-parser.ts';
import { ConnectionLost } from './connection-lost.ts';
import type { Exchange, HttpClient } from './http-client.ts';
import { RequestText, type Sender, TurnWriter } from './request-writer.ts';

export interface LeanClientOptions extends Omit<SocketOptions, 'http2'> {
  readonly method: string;
  readonly clock: Clock;
  /** Whether the fields of HTTP caching are read. Default false. */
  readonly caching?: boolean;
}

/** How long an idle connection is kept if the server does not say (Keep-Alive: timeout). */
const keptIdleMs = 4000;
/** An idle connection is given up so long before the server does it: a request may be on its way by then. */
const aheadOfServerMs = 1000;
const longestIdleMs = 600_000;
/** How often idle connections are checked. */
const checkMs = 500;

/** What the bytes of all connections are read into, one read after the other. */
const arrival = Buffer.allocUnsafeSlow(65_536);

/** The clients of one origin: what they share. */
export class LeanClients {
  readonly #clients = new Set<LeanClient>();
  readonly #connect: ReturnType<typeof socketConnector>;
  readonly #options: LeanClientOptions;
  readonly #where: Readonly<Pick<URL, 'protocol' | 'host' | 'hostname' | 'port'>>;
  #stopTimer: (() => void) | undefined = undefined;
  /** Connections that are open. Idle ones are checked while there are any. */
  #open = 0;
  readonly text: RequestText;
  readonly writer = new TurnWriter();
  readonly withoutBody: boolean;
  readonly caching: boolean;
  /** Grows by one with each check of idle connections. */
  checks = 0;

  constructor(options: LeanClientOptions) {
    this.#options = options;
    const { protocol, host, hostname, port } = new URL(options.origin);
    this.#where = { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
    const { method, origin, route } = options;
    this.text = new RequestText(method, origin, forwardingOf(origin, false, route.proxy));
    this.caching = options.caching ?? false;
    this.withoutBody = options.method === 'HEAD';
    this.#connect = socketConnector({ ...options, http2: false });
  }

  create(): HttpClient {
    const client = new LeanClient(this);
    this.#clients.add(client);
    return client;
  }

  /** Opens a socket whose bytes go to `client`. */
  connect(client: LeanClient): Opening {
    const onread = { buffer: arrival, callback: (length: number) => client.arrived(arrival, length) };
    return this.#connect(
      this.#where,
      (...outcome) => (outcome[0] === null ? client.connectedTo(outcome[1]) : client.notConnected(outcome[0])),
      onread,
    );
  }

  /** A connection of one of the clients is open. */
  opened(): void {
    this.#open += 1;
    if (this.#open === 1) this.#stopTimer = this.#options.clock.setTimer(checkMs, this.#check);
  }

  closed(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#stopTimer?.();
  }

  remove(client: LeanClient): void {
    this.#clients.delete(client);
  }

  readonly #check = (): void => {
    this.checks += 1;
    this.#stopTimer = this.#options.clock.setTimer(checkMs, this.#check);
    for (const client of this.#clients) client.closeIfIdle();
  };
}

/**
 * One HTTP/1.1 connection, and the call that it carries.
 *
 *     closed ── dispatch ─▶ connecting ─▶ queued ── the turn is over ─▶ waiting ── answer ─▶ idle ── dispatch ─▶ queued
 *        ▲                                                                 │                  │
 *        └── destroyed: call aborted, answer malformed or cut, Connection: close, unasked bytes, idle for too long
 */
class LeanClient implements HttpClient, AnswerReceiver, Sender {
  readonly #shared: LeanClients;
  readonly #parser: AnswerParser;
  #socket: Socket | undefined = undefined;
  /** The socket while it connects. */
  #connecting: Opening | undefined = undefined;
  #exchange: Exchange | undefined = undefined;
  #queued = false;
  /** Whether a connection was lost before the call was sent: a second one is not replaced. */
  #replaced = false;
  /** Whether the socket has brought a whole answer. */
  #reused = false;
  #closed = false;
  /** The number of the check before which the connection became idle. */
  #idleSince = 0;
  #keptIdleChecks = keptIdleMs / checkMs;

  constructor(shared: LeanClients) {
    this.#shared = shared;
    this.#parser = new AnswerParser(shared.caching);
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  dispatch(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#replaced = false;
    this.#prepare();
  }

  async destroy(): Promise<void> {
    this.#closed = true;
    this.#connecting?.destroy(lookupClosed());
    this.#drop();
    this.#shared.remove(this);
    this.#fail(lookupClosed());
  }

  /** The turn in which the call was made is over. */
  send(): void {
    this.#queued = false;
    const exchange = this.#exchange;
    const socket = this.#socket;
    if (exchange === undefined) return;
    // The connection was closed in this turn, before anything was sent on it.
    if (socket === undefined) return this.#replace();
    try {
      if (exchange.sending(this.#abort, this.#reused)) this.#write(socket, exchange);
      else this.#exchange = undefined;
    } catch (error) {
      this.#drop();
      this.#fail(asError(error));
    }
  }

  #write(socket: Socket, exchange: Exchange): void {
    this.#parser.expect(this, this.#shared.withoutBody);
    socket.write(this.#shared.text.of(exchange), 'latin1');
  }

  connectedTo(socket: Socket): void {
    this.#connecting = undefined;
    this.#socket = socket;
    this.#shared.opened();
    this.#reused = false;
    this.#keptIdleChecks = keptIdleMs / checkMs;
    this.#idleSince = this.#shared.checks;
    const listen = (event: string, run: (error: Error) => void): void =>
      void socket.on(event, (error: Error) => {
        if (socket === this.#socket) run(error);
      });
    listen('error', (error) => this.#lose(error));
    listen('end', () => this.#streamEnded());
    listen('close', () => this.#lose(new ConnectionLost('closed', 'it closed the connection')));
    this.#prepare();
  }

  notConnected(error: Error): void {
    this.#connecting = undefined;
    this.#fail(error);
  }

  /** Bytes for this connection are in `bytes`, which the next read overwrites. True: read on. */
  arrived(bytes: Buffer, length: number): boolean {
    const parser = this.#parser;
    if (!parser.busy) {
      // No call has asked for these: the next call would take them for its answer.
      this.#drop();
      return true;
    }
    try {
      parser.feed(bytes, length);
    } catch (error) {
      this.#lose(asError(error));
    }
    return true;
  }

  answerBegan(): void {
    this.#exchange?.answerBegan();
  }

  answerHead(head: AnswerHead): void {
    this.#exchange?.answerHead(head);
  }

  answerBody(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#exchange?.answerBody(bytes, start, end, last);
  }

  answerEnded(reusable: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#reused = true;
    const seconds = this.#parser.keepAliveSeconds;
    if (seconds !== undefined) this.#keptIdleChecks = keptIdleMsOf(seconds) / checkMs;
    // The server has answered before it has the whole request: what is left of it would stand before the next one.
    const unsent = this.#socket?.writableLength !== 0;
    if (reusable && !unsent && this.#keptIdleChecks > 0) this.#idleSince = this.#shared.checks;
    else this.#drop();
    exchange?.ended();
  }

  closeIfIdle(): void {
    if (this.#socket !== undefined && this.#exchange === undefined && this.#expired) this.#drop();
  }

  get #expired(): boolean {
    return this.#shared.checks - this.#idleSince >= this.#keptIdleChecks;
  }

  /** Brings the call to the end of its turn, over a connection that is open. */
  #prepare(): void {
    if (this.#closed) return this.#fail(lookupClosed());
    if (this.#connecting !== undefined || this.#queued) return;
    if (this.#socket === undefined) {
      this.#connecting = this.#shared.connect(this);
      return;
    }
    this.#queued = true;
    this.#shared.writer.add(this);
  }

  readonly #abort = (error: Error): void => this.#lose(error);

  #streamEnded(): void {
    if (!this.#parser.busy) return this.#drop();
    try {
      if (!this.#parser.end())
        this.#lose(new ConnectionLost('closed', 'it closed the connection before the answer was whole'));
    } catch (error) {
      this.#lose(asError(error));
    }
  }

  /** Closes the connection. The call on it fails; a call that is still to be sent gets another one when its turn comes. */
  #lose(error: Error): void {
    this.#drop();
    if (!this.#queued) this.#fail(error);
  }

  /** Nothing of the call was sent: it goes over another connection, once. A server may close every connection at once. */
  #replace(): void {
    if (this.#replaced) return this.#fail(new ConnectionLost('closed', 'it closed the connection at once'));
    this.#replaced = true;
    this.#prepare();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#parser.stop();
    if (socket === undefined) return;
    this.#socket = undefined;
    this.#shared.closed();
    socket.destroy();
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.failed(error);
  }
}

/** How long a connection is kept that the server keeps for this many seconds. */
function keptIdleMsOf(seconds: number): number {
  const ms = seconds * 1000;
  return Math.min(longestIdleMs, Math.max(ms - aheadOfServerMs, ms / 2));
}

function lookupClosed(): ConnectionLost {
  return new ConnectionLost('destroyed', 'the lookup is closed');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
