import type { ServerHttp2Stream } from 'node:http2';
import { freeMemory } from '../../core/free-memory.ts';
import { inMicrotask } from '../../core/time/later-turn.ts';
import { copyOf } from './body-memory.ts';

/** The least that is sent at once, if so much waits: each send that ends shows that the client reads. */
const LEAST_SENT_BYTES = 64 * 1024;
/** The most that is sent at once. */
const MOST_SENT_BYTES = 256 * 1024;
/** Longer bytes are divided, so that a send can end between them. */
const PIECE_BYTES = 64 * 1024;
/** From here on, the stream holds output that it reports. */
const NEEDS_DRAIN_BYTES = 64 * 1024;
/** It reports no longer when so little is left that more should be written. */
const DRAINED_BYTES = 16 * 1024;

/**
 * The output of one HTTP/2 stream that is not sent yet.
 *
 *     write ──▶ waiting [ text | bytes | … ] ──▶ one send in Node's stream ──▶ sent if the client's window has room
 *
 * Node.js says of a send only that all of it was sent. So it is not larger than half of the window that the client grants:
 * a client sends WINDOW_UPDATE for no smaller part. Output of one turn is sent together, and texts that wait are joined, so
 * that small ones share a frame. Buffers are not shared as over HTTP/1.1: Node.js may still read the bytes of a stream that
 * was reset.
 */
export class Http2Output {
  readonly #stream: ServerHttp2Stream;
  readonly #drained: () => void;
  #waiting: (string | Buffer)[] = [];
  #waitingBytes = 0;
  #sendingBytes = 0;
  #sending: Buffer[] = [];
  #scheduled = false;
  #needsDrain = false;
  #whenSent: (() => void) | undefined;

  /** `drained` is called when there is room again after `needsDrain` was true. */
  constructor(stream: ServerHttp2Stream, drained: () => void) {
    this.#stream = stream;
    this.#drained = drained;
  }

  get bytes(): number {
    return this.#waitingBytes + this.#sendingBytes;
  }

  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  /** Returns the length in bytes. Output for a stream that is closed is dropped. */
  write(output: string | Uint8Array): number {
    const byteLength = Buffer.byteLength(output);
    if (this.#isClosed) return byteLength;
    const own = typeof output === 'string' ? output : copyOf(output);
    this.#waitingBytes += byteLength;
    if (byteLength <= PIECE_BYTES) this.#waiting.push(own);
    else {
      const bytes = typeof own === 'string' ? Buffer.from(own) : own;
      for (let at = 0; at < byteLength; at += PIECE_BYTES) this.#waiting.push(bytes.subarray(at, at + PIECE_BYTES));
    }
    this.#sendSoon();
    if (this.bytes >= NEEDS_DRAIN_BYTES) this.#needsDrain = true;
    return byteLength;
  }

  /** Calls `work` when everything that was written is sent; never if the stream closes before that. */
  whenSent(work: () => void): void {
    this.#whenSent = work;
    if (this.bytes === 0) this.#allSent();
  }

  /** Drops what the stream has not got yet. */
  drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#whenSent = undefined;
  }

  /** Sends in this turn of the event loop, together with what else is written before promise jobs run. */
  #sendSoon(): void {
    if (this.#scheduled || this.#sendingBytes > 0) return;
    this.#scheduled = true;
    inMicrotask(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0 && !this.#isClosed) this.#send();
    });
  }

  #send(): void {
    const stream = this.#stream;
    const mostBytes = this.#mostBytes;
    const parts: (string | Buffer)[] = [];
    let bytes = 0;
    let taken = 0;
    for (const next of this.#waiting) {
      const nextBytes = Buffer.byteLength(next);
      if (taken > 0 && bytes + nextBytes > mostBytes) break;
      const last = parts.at(-1);
      if (typeof next === 'string' && typeof last === 'string') parts[parts.length - 1] = last + next;
      else parts.push(next);
      bytes += nextBytes;
      taken += 1;
    }
    this.#waiting.splice(0, taken);
    this.#waitingBytes -= bytes;
    this.#sendingBytes = bytes;
    this.#sending = parts.filter((part) => typeof part !== 'string');
    const last = parts.pop() ?? '';
    if (parts.length === 0) return void stream.write(last, this.#onSent);
    stream.cork();
    for (const part of parts) stream.write(part);
    stream.write(last, this.#onSent);
    stream.uncork();
  }

  get #isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get #mostBytes(): number {
    const window = this.#stream.session?.remoteSettings.initialWindowSize ?? 0;
    return Math.min(MOST_SENT_BYTES, Math.max(LEAST_SENT_BYTES, window / 2));
  }

  readonly #onSent = (error: unknown): void => {
    this.#sendingBytes = 0;
    const sent = this.#sending;
    this.#sending = [];
    // Node.js may still read the bytes of a stream that was reset.
    if (this.#isClosed || (error !== undefined && error !== null)) return;
    for (const bytes of sent) freeMemory(bytes);
    if (this.#waiting.length > 0) this.#send();
    else this.#allSent();
    if (!this.#needsDrain || this.bytes > DRAINED_BYTES) return;
    this.#needsDrain = false;
    this.#drained();
  };

  #allSent(): void {
    const work = this.#whenSent;
    this.#whenSent = undefined;
    work?.();
  }
}
