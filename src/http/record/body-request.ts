import { isAscii, isUtf8 } from 'node:buffer';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../../core/errors.ts';
import { type Guard, guardWith } from '../../core/guard.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { MemoryBudget, MemoryShare } from '../../core/memory-budget.ts';
import type { PipelineObserver, StreamOutcome } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { codingLikely } from '../../wire/coding/coding-names.ts';
import type { TokenUse } from '../access/token-use.ts';
import type { Served } from '../app-options.ts';
import { clientAddress } from '../connection/client-address.ts';
import { resetResponse, wasSent, watchResponse } from '../connection/connection-end.ts';
import { BodyDecoding, type BodySource } from '../coding/body-decoding.ts';
import { internalError } from '../framework-errors.ts';
import type { LiveStream, LiveStreams } from '../stream/live-streams.ts';
import { httpVersionOf, socketOf } from '../http2/http2-request.ts';
import type { BodyEvents } from '../stream/transport.ts';
import { stalledError, type StallWatch } from '../connection/stall-watch.ts';
import { readBody } from '../stream/http1-transport.ts';
import { IdleLimit } from '../stream/idle-limit.ts';

export interface BodyRequestOptions {
  readonly kind: 'record' | 'explain';
  readonly pipeline: { readonly name: string; readonly observer: PipelineObserver };
  readonly streams: LiveStreams;
  readonly memory: MemoryBudget;
  /** Keeps the pipeline open until the function returned is called. */
  readonly keepOpen: () => () => void;
  /** What the token of the request uses. */
  readonly use: TokenUse | undefined;
  readonly limits: Pick<Served['limits'], 'lineBytes' | 'idleTimeout' | 'stallTimeout' | 'decompressionRatio'>;
  /** The coding of the body; undefined: none. */
  readonly received: ContentCoding | undefined;
  readonly stalls: StallWatch;
  readonly clock: Clock;
}

/**
 * A request whose body is one record, from its head to the end of its response. It is one of the live streams, its
 * bytes are counted in the memory budget, and its body obeys `limits.idleTimeout`.
 */
export class BodyRequest implements LiveStream {
  readonly kind: 'record' | 'explain';
  readonly use: TokenUse | undefined;
  /** The bytes that the request holds; closed when the response closes. */
  readonly memory: MemoryShare;
  /** Wraps functions that Node.js calls: a defect ends this request and no other. */
  readonly guard: Guard = guardWith((error) => this.defect(error));
  /** The outcome of a request that ends early. */
  ending: StreamOutcome = 'failed';
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #options: BodyRequestOptions;
  readonly #gone = new AbortController();
  readonly #startedAt: number;
  #bodyEnded = false;
  /** What pauses the body: its decoder or, without one, the request. */
  #source: BodySource;
  readonly #idleLimit: IdleLimit;
  /** The time since which the body waits for memory; undefined if it does not wait. */
  #waitingSince: number | undefined;
  /** Ends the watch of the client that should read the response. */
  #unwatchReader = (): void => {};

  constructor(request: FastifyRequest, reply: FastifyReply, options: BodyRequestOptions) {
    const { kind, streams, memory, keepOpen, limits, clock } = options;
    this.kind = kind;
    this.use = options.use;
    this.#request = request;
    this.#source = request.raw;
    this.#reply = reply;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#idleLimit = new IdleLimit(limits.idleTimeout, this.#startedAt);
    this.memory = memory.open(this.guard(() => this.#memoryFree()));
    const release = keepOpen();
    streams.add(this);
    const closed = (): void => {
      streams.delete(this);
      this.memory.close();
      try {
        if (!wasSent(request.raw, reply.raw)) {
          this.cut('client_aborted', new RequestError('bad_body', 'the client went away'));
        }
        this.#unwatchReader();
        this.#stopWaiting();
      } finally {
        release();
      }
    };
    reply.raw.once('close', this.guard(closed));
  }

  /** Aborted if the request ends before its response is complete; the reason is a RequestError. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * The whole body as text. Rejects with `body_too_large` as soon as the body is longer than `limits.lineBytes`, with
   * `idle` if no byte arrives for `limits.idleTimeout`, with `bad_body` if the body breaks off, is empty, cannot be
   * decoded or is not UTF-8, and with `decompression_ratio`.
   */
  async text(): Promise<string> {
    const body = await this.#read();
    if (!isUtf8(body)) {
      const coding = codingLikely(body);
      const hint =
        coding === undefined ? '' : `; its first bytes are those of ${coding}: send Content-Encoding: ${coding}`;
      throw new RequestError('bad_body', `the body is not UTF-8${hint}`);
    }
    const ascii = isAscii(body);
    const text = ascii ? body.toString('latin1') : body.toString('utf8').replace(/^\ufeff/, '');
    if (text.trim() === '') throw new RequestError('bad_body', 'the body is empty; send one JSON object');
    this.memory.add(text.length * (ascii ? 1 : 2));
    this.memory.body(0, true);
    return text;
  }

  cut(outcome: StreamOutcome, reason: RequestError): void {
    if (this.#gone.signal.aborted) return;
    this.ending = outcome;
    this.#gone.abort(reason);
  }

  draining(): void {}

  defect(error: unknown): void {
    this.#request.log.error({ err: error }, `a request (${this.kind}) ends by a defect of the service`);
    this.cut('failed', internalError());
  }

  checkTimeouts(nowMs: number): void {
    if (this.#bodyEnded) return;
    if (this.#waitingSince !== undefined) this.#idleLimit.noteActivity(nowMs);
    const grantError = this.#idleLimit.grant(nowMs, this.memory.hasGrant);
    const late = this.#idleLimit.idle(nowMs) ?? grantError;
    if (late !== undefined) this.cut('stalled', late);
  }

  describe(nowMs: number): JsonObject {
    const { id, raw } = this.#request;
    return {
      id,
      pipeline: this.#options.pipeline.name,
      mode: this.kind,
      client: clientAddress(socketOf(raw)),
      http: httpVersionOf(raw),
      ageMs: Math.round(nowMs - this.#startedAt),
      heldBytes: this.memory.heldBytes,
      backpressure: this.#waitingSince === undefined ? 'none' : 'memory',
    };
  }

  #watchReader(): void {
    const { stalls, limits } = this.#options;
    const { raw } = this.#request;
    const timeoutMs = limits.stallTimeout;
    const stalled = this.guard(() => {
      this.cut('stalled', stalledError(timeoutMs));
      resetResponse(raw);
    });
    this.#unwatchReader = watchResponse(raw, this.#reply.raw, stalls, timeoutMs, stalled);
  }

  #memoryFree(): void {
    // The body waited and held a chunk; this call counts that chunk as taken.
    this.memory.mayGoOn(true);
    this.#stopWaiting();
    this.#source.resume();
  }

  /** The body no longer waits for memory. */
  #stopWaiting(): void {
    if (this.#waitingSince === undefined) return;
    const { pipeline, clock } = this.#options;
    pipeline.observer.backpressure('memory', clock.now() - this.#waitingSince);
    this.#waitingSince = undefined;
  }

  /** Decodes the body; undefined if it has no coding. */
  #decoding(reader: BodyEvents & { readonly failed: (reason: RequestError) => void }): BodyDecoding | undefined {
    const { received, limits, clock } = this.#options;
    if (received === undefined) return undefined;
    const activity = (): void => this.#idleLimit.noteActivity(clock.now());
    const decoding = new BodyDecoding(
      { coding: received, maxRatio: limits.decompressionRatio, source: this.#request.raw, guard: this.guard },
      { ...reader, activity },
    );
    this.#source = decoding;
    return decoding;
  }

  #read(): Promise<Buffer> {
    const { limits, clock } = this.#options;
    const { raw } = this.#request;
    const announcedBytes = this.#options.received === undefined ? Number(raw.headers['content-length']) : undefined;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (error?: RequestError): void => {
        // A request that is cut after its body has ended settles nothing, so its reader is watched only once.
        if (this.#bodyEnded) return;
        this.#bodyEnded = true;
        if (!this.#reply.raw.closed) this.#watchReader();
        decoding?.close();
        // Later chunks are read and ignored: a client that is still sending would lose the answer otherwise.
        raw.resume();
        if (error === undefined) resolve(Buffer.concat(chunks, bytes));
        else reject(error);
      };
      const take = (chunk: Buffer): void => {
        if (this.#bodyEnded) return;
        this.#idleLimit.noteActivity(clock.now());
        bytes += chunk.byteLength;
        if (bytes > limits.lineBytes) {
          const maxBytes = limits.lineBytes;
          return settle(new RequestError('body_too_large', `the body has more than ${maxBytes} bytes`, { maxBytes }));
        }
        chunks.push(chunk);
        const mayTake = this.memory.mayGoOn(bytes === announcedBytes);
        this.memory.body(bytes, false);
        if (mayTake) return;
        this.#waitingSince = clock.now();
        this.#source.pause();
      };
      const gone = (): void => settle(new RequestError('bad_body', 'the body ended before it was complete'));
      this.signal.addEventListener('abort', () => settle(this.signal.reason as RequestError), { once: true });
      const events = { data: take, end: () => settle(), gone };
      const decoding = this.#decoding({ ...events, failed: settle });
      readBody(raw, decoding ?? events, this.guard);
    });
  }
}
