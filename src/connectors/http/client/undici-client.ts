import { EventEmitter } from 'node:events';
import type { Settings } from 'node:http2';
import { Client, type Dispatcher } from 'undici';
import { socketConnector, type SocketOptions } from '../socket/http-socket.ts';
import { forwardingOf } from '../socket/proxy.ts';
import type { CachingFields } from './answer-head.ts';
import type { Exchange, HttpClient } from './http-client.ts';

export interface UndiciClientOptions extends SocketOptions {
  readonly method: string;
  readonly pipelining: number;
  /** Whether the fields of HTTP caching are read. Default false. */
  readonly caching?: boolean;
}

/** The most calls that one connection over HTTP/2 carries at the same time. */
const streamsPerConnection = 100;

/** The clients of one origin that use undici: for HTTP/2, pipelining, and lookups with `client: undici`. */
export class UndiciClients {
  readonly #options: UndiciClientOptions;
  readonly #connectSocket: ReturnType<typeof socketConnector>;
  readonly #url: URL;

  constructor(options: UndiciClientOptions) {
    this.#options = options;
    this.#connectSocket = socketConnector(options);
    this.#url = spelledOut(options.origin);
  }

  /** `resize` is called with the number of calls that the connection carries from now on. */
  create(resize: (slots: number) => void): HttpClient {
    const { pipelining, http2, method, origin, route, caching = false } = this.#options;
    const forwarding = forwardingOf(origin, http2, route.proxy);
    const prefix = forwarding?.prefix ?? '';
    const proxyHeaders = forwarding?.headers ?? [];
    const connection = { reused: false, http2: false };
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
          connection.http2 = socket !== null && 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
          connection.reused = false;
          resize(pipelining);
          callback(...outcome);
          if (connection.http2) followSettings(client, resize);
        }),
    });
    return {
      get connected() {
        return client.stats.connected;
      },
      dispatch(exchange) {
        const { headers, body } = exchange;
        const path = prefix + exchange.path;
        // The pool keeps to the number of calls by itself. Without `idempotent` and `blocking` undici would hold back what
        // is pipelined, and without `reset` it would close the connection after a GET with a body.
        const request = {
          method,
          path,
          headers: [...headers, ...proxyHeaders],
          body,
          idempotent: true,
          blocking: false,
          reset: false,
        };
        client.dispatch(request, new UndiciExchange(exchange, connection, caching));
      },
      destroy: () => client.destroy(),
    };
  }
}

/** Translates undici's handler. */
class UndiciExchange implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #caching: boolean;
  readonly #connection: { reused: boolean; readonly http2: boolean };

  constructor(exchange: Exchange, connection: { reused: boolean; readonly http2: boolean }, caching: boolean) {
    this.#caching = caching;
    this.#exchange = exchange;
    this.#connection = connection;
  }

  /** Called more than once if undici sends again what stood behind a call that broke the connection. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: the connection, which is unharmed, is kept.
    const sends = this.#exchange.sending((error) => controller.abort(error), this.#connection.reused);
    if (!sends) throw new Error('cancelled before it was sent');
  }

  /**
   * A server closes a connection of HTTP/2 behind GOAWAY, and undici drops answers that have arrived by then. So an
   * answer that has begun does not keep an idempotent call from being sent once more.
   */
  onResponseStarted(): void {
    if (!this.#connection.http2) this.#exchange.answerBegan();
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const field = (name: string): string | undefined => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const encoding = headers['content-encoding'];
    const length = field('content-length');
    this.#exchange.answerHead({
      status,
      contentLength: length === undefined ? undefined : Number(length),
      untilClose: length === undefined && headers['transfer-encoding'] === undefined && !this.#connection.http2,
      contentType: field('content-type'),
      contentEncoding: Array.isArray(encoding) ? encoding.join(', ') : encoding,
      retryAfter: field('retry-after'),
      location: field('location'),
      caching: this.#caching ? cachingOf(headers) : undefined,
    });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange.answerBody(chunk, 0, chunk.length, false);
  }

  onResponseEnd(): void {
    this.#connection.reused = true;
    this.#exchange.ended();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#exchange.failed(error);
  }
}

function cachingOf(headers: Readonly<Record<string, string | string[] | undefined>>): CachingFields {
  const caching: CachingFields = {};
  for (const name of ['age', 'cache-control', 'date', 'etag', 'expires', 'last-modified', 'vary'] as const) {
    const value = headers[name];
    if (value !== undefined) caching[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return caching;
}

/** The server may raise and lower what it allows at any time. Above it undici would queue, and the time of a call runs. */
function followSettings(client: Client, resize: (slots: number) => void): void {
  const session = sessionOf(client);
  if (session === undefined) return resize(streamsPerConnection);
  session.on('remoteSettings', ({ maxConcurrentStreams = streamsPerConnection }: Settings) => {
    if (sessionOf(client) === session) resize(Math.min(maxConcurrentStreams, streamsPerConnection));
  });
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
