import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import { carrierOf } from '../tls/carrier.ts';
import { BodyMemory, ConnectionReads } from './body-memory.ts';
import { noteSocket } from './http2-request.ts';

/** How long a client may take to close its side of a connection that has ended. */
const LINGER_MS = 1000;
/** The highest number of a stream: a GOAWAY with it refuses no stream (RFC 9113, section 6.8). */
const NO_LAST_STREAM = 2 ** 31 - 1;
/** Bytes of all streams of a connection that may be on their way. Each stream has a window of its own. */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

const connections = new WeakMap<Socket, Http2Connection>();

/** The HTTP/2 connection that this TCP connection carries; undefined if it carries HTTP/1, or nothing yet. */
export function http2ConnectionOf(carrier: Socket): Http2Connection | undefined {
  return connections.get(carrier);
}

export interface Http2ConnectionOptions {
  readonly clock: Clock;
  /** How long the first request may take to arrive. */
  readonly firstRequestMs: number;
  /** How long the connection stays open without a request. */
  readonly keepAliveMs: number;
}

/**
 * One connection that speaks HTTP/2.
 *
 *     unused ── first request ──▶ busy ◀── requests ──▶ idle
 *        └── firstRequestMs ──▶ ended by GOAWAY ◀── keepAliveMs ──┘
 */
export class Http2Connection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #options: Http2ConnectionOptions;
  readonly #reads = new ConnectionReads();
  #open = 0;
  #used = false;
  #disarm: () => void;

  constructor(session: ServerHttp2Session, socket: Socket, options: Http2ConnectionOptions) {
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    // Over HTTP/1 a client may close its side and still read. HTTP/2 says the end of a request by END_STREAM.
    socket.allowHalfOpen = false;
    noteSocket(session, socket);
    connections.set(carrierOf(socket), this);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#disarm = options.clock.setTimer(options.firstRequestMs, () => this.end());
    session.prependListener('stream', (stream) => this.#began(stream));
    session.once('close', () => this.#disarm());
    socket.once('close', () => this.#disarm());
  }

  /** Requests whose streams are open. */
  get open(): number {
    return this.#open;
  }

  /** Whether it has carried a request, and carries none now. */
  get idle(): boolean {
    return this.#used && this.#open === 0;
  }

  /** Says that the connection will end soon. A stream that the client has already begun is still taken. */
  announceEnd(): void {
    if (this.#session.closed || this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, NO_LAST_STREAM);
  }

  /** Takes no more streams, and closes the connection when those that are open have ended. */
  end(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
    if (this.#open === 0) this.#linger();
  }

  /** Closes the connection in a later turn; the client learns which streams were not taken. */
  dismiss(): void {
    if (!this.#session.destroyed) this.#session.destroy();
    inLaterTurn(() => this.#socket.destroy());
  }

  #began(stream: ServerHttp2Stream): void {
    BodyMemory.begin(stream, this.#reads);
    this.#open += 1;
    this.#used = true;
    this.#disarm();
    stream.once('close', () => {
      this.#open -= 1;
      if (this.#open > 0) return;
      if (this.#session.closed) this.#linger();
      else this.#disarm = this.#options.clock.setTimer(this.#options.keepAliveMs, () => this.end());
    });
  }

  #linger(): void {
    this.#disarm();
    if (this.#socket.destroyed) return;
    this.#disarm = this.#options.clock.setTimer(LINGER_MS, () => this.#socket.destroy());
  }
}
