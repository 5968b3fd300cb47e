import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Guard, guardWith } from '../../core/guard.ts';
import type { Clock } from '../../core/time/time.ts';
import { clientAddress } from '../connection/client-address.ts';
import { cutResponse, resetConnection } from '../connection/connection-end.ts';
import { probeAfterHalfClose } from '../connection/hangup-probe.ts';
import { http2StreamOf } from '../http2/http2-request.ts';
import type { Deadlock, StallWatch } from '../connection/stall-watch.ts';
import type { EncodeBuffers } from './encode-buffers.ts';
import { TextWriter } from './text-writer.ts';
import type { BodyEvents, ResponseHead, Transport, TransportEvents } from './transport.ts';

export interface Http1Options {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly buffers: EncodeBuffers;
  readonly stalls: StallWatch;
  readonly clock: Clock;
}

/** Bytes that a response may hold before emission stops. An immediate lookup produces less in one turn of the event loop. */
const FULL_BYTES = 256 * 1024;

/** One request and its response over HTTP/1.1 or HTTP/1.0. HTTP/1.0 has no chunks: no trailers, and a cut is a reset. */
export class Http1Transport implements Transport {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #writer: TextWriter;
  readonly #stalls: StallWatch;
  readonly #clock: Clock;

  constructor({ request, response, buffers, stalls, clock }: Http1Options) {
    this.#request = request;
    this.#response = response;
    this.#writer = new TextWriter(response, buffers);
    this.#stalls = stalls;
    this.#clock = clock;
  }

  get client(): string | null {
    return clientAddress(this.#request.socket);
  }

  /**
   * Node.js reports "full" for every large write, even for one that the socket takes as soon as this turn is over. A
   * response that no longer needs `drain` must not be waited for: its `drain` may have come already.
   */
  get hasRoom(): boolean {
    return this.#response.writableLength < FULL_BYTES || !this.#response.writableNeedDrain;
  }

  get heldBytes(): number {
    return this.#response.writableNeedDrain ? this.#response.writableLength : 0;
  }

  /** A client that waits for `100 Continue` gets the head with the first bytes of its body. */
  open({ headers, trailers }: ResponseHead, events: TransportEvents): void {
    const request = this.#request;
    const response = this.#response;
    const guard = guardWith((error) => events.defect(error));
    response.writeHead(200, {
      ...headers,
      ...(request.httpVersion === '1.1' && trailers.length > 0 && { Trailer: trailers.join(', ') }),
    });
    // HAProxy 2.6 takes a head that arrives in one read with `100 Continue` for a whole, empty response. A client that
    // asked for the 100 sends its body once it has the 100, so the head is sent after the first bytes of the body.
    const sendHead = guard(() => response.flushHeaders());
    if (request.headers.expect === undefined) sendHead();
    else request.once('data', sendHead);
    response.on(
      'drain',
      guard(() => events.readerReady()),
    );
    response.on(
      'finish',
      guard(() => events.finished()),
    );
    response.on(
      'close',
      guard(() => events.gone()),
    );
    readBody(request, events, guard);
    probeAfterHalfClose(request, response, this.#clock, guard);
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    if (this.#request.isPaused()) this.#request.resume();
  }

  write(output: string | Uint8Array): number {
    return this.#writer.write(output);
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    if (this.#response.chunkedEncoding) this.#response.addTrailers(trailers);
    this.#response.end();
  }

  cut(stallTimeoutMs: number): void {
    cutResponse(this.#request, this.#response, { clock: this.#clock, stalls: this.#stalls, stallTimeoutMs });
  }

  reset(): void {
    resetConnection(this.#request.socket);
  }

  close(): void {
    this.#request.socket.destroy();
  }

  watchReader(timeoutMs: number, stalled: () => void, deadlock?: Deadlock): () => void {
    const response = this.#response;
    return this.#stalls.watch({
      socket: this.#request.socket,
      timeoutMs,
      heldBytes: () => response.writableLength,
      stalled,
      ...(deadlock !== undefined && { deadlock }),
    });
  }

  async unreadBytes(): Promise<number> {
    const heldBytes = this.#response.writableLength;
    return heldBytes + (await this.#stalls.queuedBytes(this.#request.socket));
  }
}

/** Calls `events` for the body of a request from now on. */
export function readBody(request: IncomingMessage, events: BodyEvents, guard: Guard): void {
  request.on(
    'data',
    guard((chunk: Buffer) => events.data(chunk)),
  );
  request.on(
    'end',
    guard(() => events.end()),
  );
  // A body that breaks off closes the request before it is complete; `error` reports the same once more. Over HTTP/2
  // Node.js says of every closed request that it is complete.
  const isComplete = http2StreamOf(request) === undefined ? () => request.complete : () => request.readableEnded;
  request.on(
    'close',
    guard(() => {
      if (!isComplete()) events.gone();
    }),
  );
  request.on('error', () => {});
}
