import { RequestError } from '../../core/errors.ts';
import { type Guard, guardWith } from '../../core/guard.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { StreamObserver, StreamOutcome } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { EnrichStream } from '../../pipeline/stream/enrich-stream.ts';
import type { StreamSink } from '../../pipeline/stream/stream-sink.ts';
import type { StreamSummary } from '../../pipeline/stream/tally.ts';
import type { TokenUse } from '../access/token-use.ts';
import { stalledError } from '../connection/stall-watch.ts';
import { endInOrder, internalError } from '../framework-errors.ts';
import { IdleLimit } from './idle-limit.ts';
import type { LiveStream } from './live-streams.ts';
import type { SessionOptions } from './session-options.ts';
import { completeTrailers, type Ended, type Reading, type SessionState, trailerNames } from './session-state.ts';
import type { Transport, TransportEvents } from './transport.ts';

/**
 * The life of one stream, from its accepted parameters to its end. It uses no request and no response of Node.js.
 *
 *   transport ─ data ─▶ EnrichStream.push ── false ──▶ transport.pause ─ … ─ resume()
 *   transport ◀─ write() ◀─ EnrichStream               no room ─ … ─▶ readerReady()
 */
export class StreamSession implements StreamSink, LiveStream {
  readonly kind = 'stream';
  readonly use: TokenUse | undefined;
  readonly #options: SessionOptions;
  readonly #transport: Transport;
  readonly #stream: EnrichStream;
  readonly #observer: StreamObserver;
  readonly #startedAt: number;
  readonly #release: () => void;
  readonly #guard: Guard = guardWith((error) => this.defect(error));
  #state: SessionState;
  #receivedBytes = 0;
  #sentBytes = 0;
  /** Ends the watch of the reader; undefined if there is nothing that it has to read before the stream goes on. */
  #unwatchReader: (() => void) | undefined;

  constructor(options: SessionOptions) {
    const { pipeline, settings, clock, limits } = options;
    this.#options = options;
    this.use = options.use;
    this.#transport = options.transport;
    this.#startedAt = clock.now();
    const idleLimit = new IdleLimit(limits.idleTimeout, this.#startedAt);
    this.#state = { phase: 'reading', idleLimit, unreadBytes: 0 };
    this.#stream = pipeline.open(settings, this);
    this.#observer = pipeline.observer.streamOpened(settings.mode, () => this.#stream.gauges);
    this.#release = options.keepOpen();
    options.streams.add(this);
  }

  /** Opens the transport: the head is sent, and the body is read from now on. */
  start(headers: Readonly<Record<string, string>>): void {
    const open = (): void => this.#transport.open({ headers, trailers: trailerNames }, this.#events());
    this.#guard(open)();
  }

  #events(): TransportEvents {
    const { runsUserCode } = this.#options.pipeline;
    const received = (chunk: Uint8Array): void => this.#received(chunk);
    const bodyEnd = (fault?: RequestError): void => this.#bodyEnd(fault);
    // A user's code does not run while Node.js reads a request.
    const ended = runsUserCode ? (fault?: RequestError) => inLaterTurn(this.#guard(() => bodyEnd(fault))) : bodyEnd;
    return {
      data: runsUserCode
        ? (chunk) => {
            this.#transport.pause();
            inLaterTurn(this.#guard(() => received(chunk)));
          }
        : received,
      end: () => ended(),
      failed: (reason) => ended(reason),
      activity: () => this.#noteActivity(),
      readerReady: () => this.#readerReady(),
      finished: () => this.#settle('completed'),
      gone: () => this.#gone(),
      defect: (error) => this.defect(error),
    };
  }

  write(output: string | Buffer): boolean {
    if (this.#state.phase === 'ended') return false;
    const { pipeline } = this.#options;
    const bytes = this.#transport.write(output);
    this.#sentBytes += bytes;
    pipeline.observer.sent(bytes);
    this.#noteActivity();
    if (this.#transport.hasRoom) return true;
    this.#watchReader();
    return false;
  }

  get heldBytes(): number {
    return this.#transport.heldBytes;
  }

  resume(): void {
    if (this.#state.phase !== 'ended') this.#transport.resume();
  }

  end(summary: StreamSummary): void {
    if (this.#state.phase === 'ended') return;
    this.#state = { phase: 'finishing' };
    this.#transport.finish(completeTrailers(summary));
    this.#watchReader();
  }

  fail(error: RequestError): void {
    this.cut('failed', error);
  }

  cut(outcome: StreamOutcome, reason: RequestError): void {
    if (this.#state.phase === 'ended') return;
    // A client that does not read could not read the last lines either.
    const unread = reason.code === 'stalled';
    if (unread) this.#stream.abort(reason);
    else this.#stream.cut(reason);
    this.#settle(outcome, reason);
    if (unread) this.#transport.reset();
    else this.#transport.cut(this.#options.limits.stallTimeout);
  }

  /** Ends this stream and no other: with its last lines and a cut or, if that throws as well, with the connection. */
  defect(error: unknown): void {
    const { log } = this.#options;
    log.error({ err: error }, 'a stream ends by a defect of the service');
    if (this.#state.phase === 'ended') return;
    const reason = internalError();
    endInOrder(
      log,
      () => this.cut('failed', reason),
      () => this.#stream.abort(reason),
      () => this.#settle('failed', reason),
      () => this.#transport.close(),
    );
  }

  draining(): void {
    this.#stream.checkpoint();
  }

  checkTimeouts(nowMs: number): void {
    const state = this.#state;
    if (state.phase !== 'reading' || this.#unwatchReader !== undefined) return;
    // Its output may hold the memory that it waits for, and a client that reads late would never read it.
    if (this.#stream.backpressure === 'memory' && this.#transport.heldBytes > 0) this.#watchReader();
    const late = state.idleLimit.grant(nowMs, this.#stream.hasMemoryGrant);
    if (late !== undefined) return this.cut('stalled', late);
    if (!this.#stream.idle) return state.idleLimit.noteActivity(nowMs);
    const idle = state.idleLimit.idle(nowMs);
    if (idle === undefined) return;
    state.idleLimit.noteActivity(nowMs);
    this.#cutUnlessRead(state, idle).catch((error: unknown) => this.defect(error));
  }

  describe(nowMs: number): JsonObject {
    const { id, httpVersion, pipeline, settings, codings, duplex } = this.#options;
    const { client, spool } = this.#transport;
    const { capacity, inFlight, retryWaiting, completedWaiting } = this.#stream.gauges;
    return {
      id,
      pipeline: pipeline.name,
      mode: settings.mode,
      client,
      http: httpVersion,
      duplex: spool?.spooling === true ? 'half' : duplex,
      spoolBytes: spool?.waitingBytes ?? 0,
      spooledBytes: spool?.totalBytes ?? 0,
      ageMs: Math.round(nowMs - this.#startedAt),
      ...this.#stream.summary,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      requestCoding: codings.received ?? 'identity',
      responseCoding: codings.sent ?? 'identity',
      capacity,
      inFlight,
      retryWaiting,
      completedWaiting,
      heldBytes: this.#stream.heldBytes,
      backpressure: this.#stream.backpressure,
    };
  }

  #received(chunk: Uint8Array): void {
    if (this.#state.phase === 'ended') return;
    this.#receivedBytes += chunk.byteLength;
    this.#noteActivity();
    if (this.#stream.push(chunk)) this.#transport.resume();
    else this.#transport.pause();
  }

  /** `fault`: why the body cannot be read to its end; undefined for a complete body. */
  #bodyEnd(fault?: RequestError): void {
    if (this.#state.phase !== 'reading') return;
    this.#state = { phase: 'bodyComplete' };
    if (fault === undefined) this.#stream.endBody();
    else this.#stream.failBody(fault);
  }

  #noteActivity(): void {
    if (this.#state.phase === 'reading') this.#state.idleLimit.noteActivity(this.#options.clock.now());
  }

  #watchReader(): void {
    const { stallTimeout } = this.#options.limits;
    this.#unwatchReader?.();
    this.#unwatchReader = this.#transport.watchReader(
      stallTimeout,
      this.#guard(() => this.cut('stalled', stalledError(stallTimeout))),
    );
  }

  #readerReady(): void {
    const { phase } = this.#state;
    // A finished stream is watched until its last byte is sent.
    if (phase === 'ended' || phase === 'finishing') return;
    this.#unwatchReader?.();
    this.#unwatchReader = undefined;
    this.#noteActivity();
    this.#stream.readerReady();
  }

  /** Nothing was received for `idleTimeout`: cuts the stream, unless its client still reads what was written before. */
  async #cutUnlessRead(state: Reading, reason: RequestError): Promise<void> {
    const receivedBytes = this.#receivedBytes;
    const unreadBytes = await this.#transport.unreadBytes();
    if (this.#state !== state || this.#receivedBytes !== receivedBytes || !this.#stream.idle) return;
    const reads = unreadBytes > 0 && unreadBytes !== state.unreadBytes;
    state.unreadBytes = unreadBytes;
    if (!reads) this.cut('stalled', reason);
  }

  #gone(): void {
    if (this.#state.phase === 'ended') return;
    const reason = new RequestError('bad_body', 'the client went away');
    // Calls are aborted before the end is reported: the lookups may be closed after that.
    this.#stream.abort(reason);
    this.#settle('client_aborted', reason);
    this.#transport.close();
  }

  #settle(outcome: StreamOutcome, reason?: RequestError): void {
    if (this.#state.phase === 'ended') return;
    const ended: Ended = { phase: 'ended', outcome, reason };
    this.#state = ended;
    try {
      this.#options.streams.delete(this);
      this.#unwatchReader?.();
      this.#report(ended);
    } finally {
      this.#stream.release();
      this.#release();
    }
  }

  #report({ outcome, reason }: Ended): void {
    const { pipeline, httpVersion, clock, log, trace } = this.#options;
    const durationMs = clock.now() - this.#startedAt;
    this.#observer.closed(outcome, durationMs);
    const { summary } = this.#stream;
    const bytes = { receivedBytes: this.#receivedBytes, sentBytes: this.#sentBytes };
    trace?.end({ outcome, code: reason?.code, ...summary, ...bytes });
    const ended = {
      pipeline: pipeline.name,
      http: httpVersion,
      outcome,
      durationMs: Math.round(durationMs),
      ...summary,
      spooledBytes: this.#transport.spool?.totalBytes ?? 0,
    };
    if (reason === undefined) log.info(ended, 'stream completed');
    else log.warn({ ...ended, code: reason.code, detail: reason.message }, 'stream ended before it was complete');
  }
}
