import { guardWith } from '../../core/guard.ts';
import type { Clock } from '../../core/time/time.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { StreamEncoder } from '../../wire/coding/stream-encoder.ts';
import type { ResponseHead, SpoolUse, Transport, TransportEvents } from '../stream/transport.ts';
import { BodyDecoding } from './body-decoding.ts';

export interface CodecOptions {
  /** The coding of the request's body; undefined: none. */
  readonly received: ContentCoding | undefined;
  readonly maxRatio: number;
  /** The coding of the response's body; undefined: none. */
  readonly sent: ContentCoding | undefined;
  readonly clock: Clock;
}

/**
 * The pause between the last coded byte and a cut. Many clients, `fetch` among them, drop what they have not decoded yet when
 * the connection breaks: without the pause they would not see the last lines, `$checkpoint` and `$fatal`.
 */
const CUT_PAUSE_MS = 100;

/** The transport itself if neither body is coded: such a stream pays nothing. */
export function withCodings(transport: Transport, options: CodecOptions): Transport {
  const coded = options.received !== undefined || options.sent !== undefined;
  return coded ? new CodecTransport(transport, options) : transport;
}

/** Bytes that may wait to be coded before emission stops: as many as an HTTP/1.1 response may hold. */
const FULL_BYTES = 256 * 1024;

/**
 * Stands between a transport and a session, and decodes the body and codes the output, or one of the two.
 *
 *     transport ── coded bytes ──▶ BodyDecoding ── body ──▶ session
 *     transport ◀── coded bytes ── StreamEncoder ◀─ output ─ session
 */
class CodecTransport implements Transport {
  readonly #inner: Transport;
  readonly #options: CodecOptions;
  #body: BodyDecoding | undefined;
  #encoder: StreamEncoder | undefined;
  #disarmCut: (() => void) | undefined;
  #released = false;
  /** What `finish` was called with. */
  #trailers: Readonly<Record<string, string>> | undefined;

  constructor(inner: Transport, options: CodecOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get client(): string | null {
    return this.#inner.client;
  }

  get hasRoom(): boolean {
    return this.#inner.hasRoom && (this.#encoder === undefined || this.#encoder.heldBytes < FULL_BYTES);
  }

  get heldBytes(): number {
    return this.#inner.heldBytes + (this.#encoder?.heldBytes ?? 0);
  }

  get spool(): SpoolUse | undefined {
    return this.#inner.spool;
  }

  open(head: ResponseHead, events: TransportEvents): void {
    const { received, sent, maxRatio } = this.#options;
    const inner = this.#inner;
    const guard = guardWith((error) => events.defect(error));
    const encoder =
      sent &&
      new StreamEncoder(sent, guard, {
        hasRoom: () => inner.hasRoom,
        data: (bytes) => void inner.write(bytes),
        batchDone: () => this.#roomAgain(events),
        end: () => inner.finish(this.#trailers ?? {}),
        broken: (error) => events.defect(error),
      });
    this.#encoder = encoder;
    const body = received && new BodyDecoding({ coding: received, maxRatio, source: inner, guard }, events);
    this.#body = body;
    inner.open(sent === undefined ? head : { ...head, headers: { ...head.headers, 'Content-Encoding': sent } }, {
      ...events,
      ...(body && { data: (chunk) => body.data(chunk), end: () => body.end() }),
      gone: () => {
        this.#release();
        events.gone();
      },
      readerReady: () => {
        encoder?.advance();
        this.#roomAgain(events);
      },
    });
  }

  pause(): void {
    (this.#body ?? this.#inner).pause();
  }

  resume(): void {
    (this.#body ?? this.#inner).resume();
  }

  write(output: string | Uint8Array): number {
    return (this.#encoder ?? this.#inner).write(output);
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    if (this.#encoder === undefined) return this.#inner.finish(trailers);
    this.#trailers = trailers;
    this.#encoder.end();
  }

  cut(stallTimeoutMs: number): void {
    this.#body?.close();
    if (this.#encoder === undefined) this.#inner.cut(stallTimeoutMs);
    else this.#encoder.drain(() => this.#cutAfterPause(stallTimeoutMs));
  }

  #cutAfterPause(stallTimeoutMs: number): void {
    if (this.#released) return;
    this.#disarmCut = this.#options.clock.setTimer(CUT_PAUSE_MS, () => this.#inner.cut(stallTimeoutMs));
  }

  reset(): void {
    this.#release();
    this.#inner.reset();
  }

  close(): void {
    this.#release();
    this.#inner.close();
  }

  watchReader(timeoutMs: number, stalled: () => void): () => void {
    return this.#inner.watchReader(timeoutMs, stalled);
  }

  async unreadBytes(): Promise<number> {
    const codingBytes = this.#encoder?.heldBytes ?? 0;
    return codingBytes + (await this.#inner.unreadBytes());
  }

  #roomAgain(events: TransportEvents): void {
    if (this.hasRoom) events.readerReady();
  }

  #release(): void {
    this.#released = true;
    this.#disarmCut?.();
    this.#body?.close();
    this.#encoder?.close();
  }
}
