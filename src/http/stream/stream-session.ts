import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { RequestError } from '../../core/errors.ts';
import { type Guard, guardWith } from '../../core/guard.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { StreamObserver, StreamOutcome } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import type { StreamTrace } from '../../core/observer/tracing.ts';
import type { EnrichStream } from '../../pipeline/stream/enrich-stream.ts';
import type { StreamSink } from '../../pipeline/stream/stream-sink.ts';
import type { Pipeline, StreamSettings } from '../../pipeline/pipeline.ts';
import type { StreamSummary } from '../../pipeline/stream/tally.ts';
import { clientAddress } from '../connection/client-address.ts';
import { cutResponse, resetConnection } from '../connection/connection-end.ts';
import type { EncodeBuffers } from './encode-buffers.ts';
import { endInOrder, internalError } from '../framework-errors.ts';
import { probeAfterHalfClose } from '../connection/hangup-probe.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import type { StallWatch } from '../connection/stall-watch.ts';
import { TextWriter } from './text-writer.ts';
import { TurnLimit } from './turn-limit.ts';

export interface SessionOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pipeline: Pipeline;
  readonly settings: StreamSettings;
  readonly trace: StreamTrace | undefined;
  readonly streams: LiveStreams;
  readonly buffers: EncodeBuffers;
  /** Keeps the pipeline open until the function returned is called. */
  readonly hold: () => () => void;
  /** Nothing received and nothing in flight for this long ends the stream; 0 = never. */
  readonly idleTimeoutMs: number;
  /** A response that nobody reads for this long ends the stream; 0 = never. */
  readonly stallTimeoutMs: number;
  readonly stalls: StallWatch;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
}

/** What a response may hold before emission stops: more than a turn of a lookup that answers at once. */
const FULL_BYTES = 256 * 1024;

/**
 * One streaming request from its accepted parameters to its end.
 *
 *   request ─ data ─▶ EnrichStream.push ── false ──▶ request.pause ─ … ─ resume()
 *   response ◀─ write() ◀─ EnrichStream           response full ─ … ─ drain ─▶ drained()
 */
export class StreamSession implements StreamSink, LiveStream {
  readonly kind = 'stream';
  readonly #options: SessionOptions;
  readonly #stream: EnrichStream;
  readonly #observed: StreamObserver;
  readonly #writer: TextWriter;
  readonly #startedAt: number;
  readonly #release: () => void;
  readonly #onDefect = (error: unknown): void => this.defect(error);
  readonly #guard: Guard = guardWith(this.#onDefect);
  #receivedBytes = 0;
  #sentBytes = 0;
  #bodyEnded = false;
  /** When something was last received, sent or in flight. */
  #movedAt: number;
  /** The response has no room, or is not sent to its end; ends the watch of its reader. */
  #blocked: (() => void) | undefined;
  /** Bytes that the reader had not taken when the stream was last found idle. */
  #unreadBytes = 0;
  readonly #turnLimit = new TurnLimit();
  #settled = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#movedAt = this.#startedAt;
    this.#stream = options.pipeline.open(options.settings, this);
    this.#observed = options.pipeline.observer.streamOpened(options.settings.mode, () => this.#stream.gauges);
    this.#writer = new TextWriter(options.response, options.buffers);
    this.#release = options.hold();
    options.streams.add(this);
  }

  /** Sends the head (where the client waits for `100 Continue`, with the first of the body), and reads the body from now on. */
  start(headers: Readonly<Record<string, string>>): void {
    this.#guard(() => this.#begin(headers))();
  }

  #begin(headers: Readonly<Record<string, string>>): void {
    const { request, response, clock, pipeline } = this.#options;
    const guard = this.#guard;
    response.writeHead(200, headers);
    // HAProxy 2.6 takes a head that comes in one read with the `100 Continue` for a whole, empty response. A client that
    // asked for the 100 sends its body when it has it: the head comes after the first of that.
    const sendHead = guard(() => response.flushHeaders());
    if (request.headers.expect === undefined) sendHead();
    else request.once('data', sendHead);
    const on = (emitter: EventEmitter, event: string, work: (chunk: Buffer) => void): void =>
      void emitter.on(event, guard(work));
    on(response, 'drain', () => this.#drained());
    on(response, 'finish', () => this.#settle('completed'));
    on(response, 'close', () => this.#gone());
    const enter = (work: () => void): void => (pipeline.runsUserCode ? inLaterTurn(guard(work)) : work());
    on(request, 'data', (chunk) => {
      if (pipeline.runsUserCode) request.pause();
      enter(() => this.#received(chunk));
    });
    on(request, 'end', () => enter(() => this.#bodyEnd()));
    // A body that breaks off closes the request before it is complete; `error` says the same once more.
    on(request, 'close', () => request.complete || this.#gone());
    request.on('error', () => {});
    probeAfterHalfClose(request, response, clock, guard);
  }

  write(text: string): boolean {
    if (this.#settled) return false;
    const { response, pipeline, clock } = this.#options;
    const bytes = this.#writer.write(text);
    this.#sentBytes += bytes;
    pipeline.observer.sent(bytes);
    this.#movedAt = clock.now();
    // Node says "full" of every large write, even of one that the socket takes at once when this turn is over.
    // Only a response that still needs `drain` is waited for: it may have come already.
    if (response.writableLength < FULL_BYTES || !response.writableNeedDrain) return true;
    this.#block();
    return false;
  }

  get heldBytes(): number {
    return this.#options.response.writableNeedDrain ? this.#options.response.writableLength : 0;
  }

  resume(): void {
    if (!this.#settled) this.#options.request.resume();
  }

  end(summary: StreamSummary): void {
    if (this.#settled) return;
    const { response } = this.#options;
    if (response.chunkedEncoding) {
      response.addTrailers({
        'Millrace-Status': 'complete',
        'Millrace-Read': String(summary.read),
        'Millrace-Written': String(summary.written),
        'Millrace-Errors': String(summary.errors),
      });
    }
    response.end();
    this.#block();
  }

  fail(error: RequestError): void {
    this.cut('failed', error);
  }

  cut(outcome: StreamOutcome, reason: RequestError): void {
    if (this.#settled) return;
    const { request, response, clock, stalls, stallTimeoutMs } = this.#options;
    const unread = reason.code === 'stalled';
    if (unread) this.#stream.abort(reason);
    else this.#stream.cut(reason);
    this.#settle(outcome, reason);
    if (unread) resetConnection(request.socket);
    else cutResponse(request, response, { clock, stalls, stallTimeoutMs });
  }

  /** Ends this stream, and no other one: with its last lines and a cut, or at least with the connection. */
  defect(error: unknown): void {
    const { log, request } = this.#options;
    log.error({ err: error }, 'a stream ends by a defect of the service');
    if (this.#settled) return;
    const reason = internalError();
    endInOrder(
      log,
      () => this.cut('failed', reason),
      () => this.#stream.abort(reason),
      () => this.#settle('failed', reason),
      () => void request.socket.destroy(),
    );
  }

  draining(): void {
    this.#stream.checkpoint();
  }

  check(nowMs: number): void {
    const { idleTimeoutMs } = this.#options;
    if (this.#blocked !== undefined) return;
    const late = this.#turnLimit.check(nowMs, this.#stream.hasMemoryTurn, idleTimeoutMs);
    if (late !== undefined) return this.cut('stalled', late);
    if (this.#bodyEnded || !this.#stream.idle) this.#movedAt = nowMs;
    else if (idleTimeoutMs > 0 && nowMs - this.#movedAt >= idleTimeoutMs) this.#idle(nowMs).catch(this.#onDefect);
  }

  describe(nowMs: number): JsonObject {
    const { id, request, pipeline, settings } = this.#options;
    const { capacity, inFlight, retryWaiting, completedWaiting } = this.#stream.gauges;
    return {
      id,
      pipeline: pipeline.name,
      mode: settings.mode,
      client: clientAddress(request),
      ageMs: Math.round(nowMs - this.#startedAt),
      ...this.#stream.summary,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      capacity,
      inFlight,
      retryWaiting,
      completedWaiting,
      heldBytes: this.#stream.heldBytes,
      backpressure: this.#stream.backpressure,
    };
  }

  #received(chunk: Buffer): void {
    if (this.#settled) return;
    this.#receivedBytes += chunk.byteLength;
    this.#movedAt = this.#options.clock.now();
    const { request } = this.#options;
    if (!this.#stream.push(chunk)) request.pause();
    else if (request.isPaused()) request.resume();
  }

  #bodyEnd(): void {
    this.#bodyEnded = true;
    if (!this.#settled) this.#stream.finish();
  }

  #block(): void {
    const { request, response, stalls, stallTimeoutMs: timeoutMs } = this.#options;
    this.#unblock();
    if (timeoutMs === 0) return void (this.#blocked = () => {});
    const why = `nothing was read for ${timeoutMs} ms (limits.stallTimeout)`;
    this.#blocked = stalls.watch({
      socket: request.socket,
      timeoutMs,
      heldBytes: () => response.writableLength,
      stalled: this.#guard(() => this.cut('stalled', new RequestError('stalled', why))),
    });
  }

  #unblock(): void {
    this.#blocked?.();
    this.#blocked = undefined;
  }

  #drained(): void {
    if (this.#settled) return;
    this.#unblock();
    this.#movedAt = this.#options.clock.now();
    this.#stream.drained();
  }

  /** Nothing was sent for `idleTimeout`: cuts the stream, unless its client still reads what it was sent before. */
  async #idle(nowMs: number): Promise<void> {
    const { request, response, stalls, idleTimeoutMs } = this.#options;
    this.#movedAt = nowMs;
    const receivedBytes = this.#receivedBytes;
    const unreadBytes = response.writableLength + (await stalls.queuedBytes(request.socket));
    if (this.#settled || this.#receivedBytes !== receivedBytes || !this.#stream.idle) return;
    const reads = unreadBytes > 0 && unreadBytes !== this.#unreadBytes;
    this.#unreadBytes = unreadBytes;
    if (reads) return;
    this.cut('stalled', new RequestError('idle', `nothing was sent for ${idleTimeoutMs} ms (limits.idleTimeout)`));
  }

  #gone(): void {
    if (this.#settled) return;
    const reason = new RequestError('bad_body', 'the client went away');
    // Aborted before anybody hears that it is over: its lookups may be closed then.
    this.#stream.abort(reason);
    this.#settle('client_aborted', reason);
    this.#options.request.socket.destroy();
  }

  #settle(outcome: StreamOutcome, reason?: RequestError): void {
    if (this.#settled) return;
    this.#settled = true;
    const { pipeline, streams, clock, log, trace } = this.#options;
    try {
      streams.delete(this);
      this.#unblock();
      const durationMs = clock.now() - this.#startedAt;
      this.#observed.closed(outcome, durationMs);
      const { summary } = this.#stream;
      const bytes = { receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes };
      trace?.end({ outcome, code: reason?.code, ...summary, ...bytes });
      const ended = { pipeline: pipeline.name, outcome, durationMs: Math.round(durationMs), ...summary };
      if (reason === undefined) log.info(ended, 'stream completed');
      else log.warn({ ...ended, code: reason.code, detail: reason.message }, 'stream ended before it was complete');
    } finally {
      this.#stream.release();
      this.#release();
    }
  }
}
