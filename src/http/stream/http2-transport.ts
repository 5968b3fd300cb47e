import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { guardWith } from '../../core/guard.ts';
import { clientAddress } from '../connection/client-address.ts';
import type { Deadlock, StallWatch } from '../connection/stall-watch.ts';
import { http2ConnectionOf } from '../http2/http2-connection.ts';
import { Http2Body } from '../http2/http2-body.ts';
import { Http2Output } from '../http2/http2-output.ts';
import { resetStream } from '../http2/reset-stream.ts';
import { carrierOf } from '../tls/carrier.ts';
import type { ResponseHead, Transport, TransportEvents } from './transport.ts';

export interface Http2TransportOptions {
  readonly stream: ServerHttp2Stream;
  readonly response: ServerResponse;
  /** The socket of the connection; undefined if the connection has ended. */
  readonly socket: Socket | undefined;
  readonly stalls: StallWatch;
}

/** As over HTTP/1.1: bytes that a response may hold before emission stops. */
const FULL_BYTES = 256 * 1024;

/**
 * One stream of HTTP/2. Its flow control is the backpressure: a paused body stops at the window of its stream, and a
 * client that reads nothing gives no window. Other streams of the connection go on. Nothing here ends the connection.
 */
export class Http2Transport implements Transport {
  readonly #stream: ServerHttp2Stream;
  readonly #response: ServerResponse;
  readonly #socket: Socket | undefined;
  readonly #stalls: StallWatch;
  readonly #output: Http2Output;
  /** Undefined until the transport is open. */
  #body: Http2Body | undefined;
  #readerReady = (): void => {};
  /** Does nothing once the head is sent. */
  #sendHead = (): void => {};
  /** The last byte and the trailers were passed to the connection. */
  #complete = false;

  constructor({ stream, response, socket, stalls }: Http2TransportOptions) {
    this.#stream = stream;
    this.#response = response;
    this.#socket = socket;
    this.#stalls = stalls;
    this.#output = new Http2Output(stream, () => this.#readerReady());
  }

  get client(): string | null {
    return clientAddress(this.#socket);
  }

  get hasRoom(): boolean {
    return this.#output.bytes < FULL_BYTES;
  }

  get heldBytes(): number {
    return this.#output.needsDrain ? this.#output.bytes : 0;
  }

  open({ headers, trailers }: ResponseHead, events: TransportEvents): void {
    const stream = this.#stream;
    const guard = guardWith((error) => events.defect(error));
    this.#readerReady = guard(() => events.readerReady());
    const closed = guard(() => (this.#complete ? events.finished() : events.gone()));
    // The client may have reset the stream in the turn in which it began it.
    if (stream.destroyed || stream.closed) return closed();
    this.#sendHead = () => {
      this.#sendHead = (): void => {};
      this.#response.writeHead(200, { ...headers, ...(trailers.length > 0 && { Trailer: trailers.join(', ') }) });
    };
    // HAProxy 2.6 takes a head that arrives with the 100 for a whole, empty response, over HTTP/2 as well.
    if (!stream.sentInfoHeaders?.length) this.#sendHead();
    this.#body = new Http2Body(
      stream,
      {
        data: (chunk) => {
          this.#sendHead();
          events.data(chunk);
        },
        // RST_STREAM with NO_ERROR ends the body as END_STREAM does, but it is no complete body.
        end: () => (stream.aborted ? events.gone() : events.end()),
      },
      guard,
    );
    stream.on('wantTrailers', () => {
      this.#complete = true;
    });
    stream.on('close', closed);
    stream.on('error', () => {});
  }

  pause(): void {
    this.#body?.pause();
  }

  resume(): void {
    this.#body?.resume();
  }

  write(output: string | Uint8Array): number {
    this.#sendHead();
    return this.#output.write(output);
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    this.#sendHead();
    // Node's compatibility layer sends these trailers after the last byte.
    this.#response.addTrailers(trailers);
    this.#output.whenSent(() => this.#stream.end());
  }

  /** RST_STREAM after all earlier output: a client that decodes HTTP/2 reports a failed stream. */
  cut(stallTimeoutMs: number): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    // The client may go on sending until it has the reset.
    this.#body?.discard();
    const unwatch = this.watchReader(stallTimeoutMs, () => this.reset());
    stream.once('close', unwatch);
    this.#output.whenSent(() => resetStream(stream));
  }

  reset(): void {
    this.#output.drop();
    resetStream(this.#stream);
  }

  close(): void {
    this.#output.drop();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  watchReader(timeoutMs: number, stalled: () => void, deadlock?: Deadlock): () => void {
    const socket = this.#socket;
    if (socket === undefined) return () => {};
    const carrier = carrierOf(socket);
    return this.#stalls.watch({
      socket,
      timeoutMs,
      heldBytes: () => this.#output.bytes,
      connectionBytes: () => carrier.bytesWritten,
      stalled,
      // The client has sent as much as it may: it waits until more of its body is read.
      stillSends: () => this.#stream.state.localWindowSize === 0,
      ...(deadlock !== undefined && { deadlock }),
    });
  }

  async unreadBytes(): Promise<number> {
    const { bytes } = this.#output;
    const socket = this.#socket;
    // What the kernel holds is that of all streams.
    if (socket === undefined || (http2ConnectionOf(carrierOf(socket))?.open ?? 0) > 1) return bytes;
    return bytes + (await this.#stalls.queuedBytes(socket));
  }
}
