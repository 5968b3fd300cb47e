import type { ServerHttp2Stream } from 'node:http2';
import { freeMemory } from '../../core/free-memory.ts';
import type { Guard } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import { BodyMemory, copyOf } from './body-memory.ts';

/** A shorter chunk that comes alone is passed on at once: a client that sends single records gains nothing by a wait. */
const LEAST_BYTES = 8 * 1024;
/** With so many bytes, a chunk is as large as over HTTP/1.1: Node.js reads 64 KiB at a time, heads of frames included. */
const FULL_BYTES = 60 * 1024;
/** Frames are copied into blocks of this size, and a chunk has the bytes of four at most. */
const BLOCK_BYTES = 16 * 1024;
const MOST_BYTES = 4 * BLOCK_BYTES;

/** The events of a body. */
export interface Http2BodyEvents {
  data(chunk: Buffer): void;
  end(): void;
}

/**
 * The body of an HTTP/2 stream. A frame has 16 KiB at most, and each chunk costs its reader a line that is cut in two and a
 * write of its output. So the frames that arrive together are joined:
 *
 *     frame ─▶ blocks [ 16 KiB | 16 KiB | … ] ── enough, or a turn later ──▶ one chunk in a turn
 *
 * After a pause all frames of a window may arrive at once. Two chunks in one turn would have more output than a stream may
 * hold, and would pause the body again. While the blocks have enough for a chunk, Node.js gives the client no more window.
 */
export class Http2Body {
  readonly #memory: BodyMemory;
  readonly #events: Http2BodyEvents;
  readonly #laterTurn: () => void;
  #blocks: Buffer[] = [];
  #waitingBytes = 0;
  #paused = false;
  /** Node.js reads no more. */
  #stopped = false;
  #ended = false;
  #discarded = false;
  /** `#laterTurn` will be called. */
  #scheduled = false;
  /** In this turn, a chunk was passed. */
  #passed = false;

  constructor(stream: ServerHttp2Stream, events: Http2BodyEvents, guard: Guard) {
    this.#memory = BodyMemory.of(stream);
    this.#events = events;
    this.#laterTurn = guard(() => {
      this.#scheduled = false;
      this.#passed = false;
      this.#pass();
    });
    const received = guard((chunk: Buffer) => this.#received(chunk));
    stream.on(
      'end',
      guard(() => {
        this.#ended = true;
        this.#pass();
      }),
    );
    stream.once('close', () => this.#drop());
    this.#memory.passTo((chunk) => {
      received(chunk);
      this.#stopped = !this.#wantsMore;
      return !this.#stopped;
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#waitingBytes > 0) this.#passLater();
    this.#readOn();
  }

  /** Reads the rest of the body, and drops it: no event follows. */
  discard(): void {
    this.#discarded = true;
    this.#drop();
    this.#readOn();
  }

  get #wantsMore(): boolean {
    return this.#discarded || (!this.#paused && this.#waitingBytes < FULL_BYTES);
  }

  #readOn(): void {
    if (!this.#stopped || !this.#wantsMore) return;
    this.#stopped = false;
    this.#memory.readOn();
  }

  #received(chunk: Buffer): void {
    if (this.#discarded) return;
    if (this.#waitingBytes === 0 && !this.#paused && chunk.length < LEAST_BYTES) {
      return this.#events.data(copyOf(chunk));
    }
    this.#add(chunk);
    if (this.#waitingBytes >= FULL_BYTES && !this.#passed) this.#pass();
    else this.#passLater();
  }

  #add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const used = this.#waitingBytes % BLOCK_BYTES;
      if (used === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
      const bytes = Math.min(chunk.length - at, BLOCK_BYTES - used);
      this.#blocks.at(-1)?.set(chunk.subarray(at, at + bytes), used);
      this.#waitingBytes += bytes;
      at += bytes;
    }
  }

  #passLater(): void {
    if (this.#scheduled || this.#paused) return;
    this.#scheduled = true;
    inLaterTurn(this.#laterTurn);
  }

  /** The end follows its last chunk, even if that chunk has paused the body. */
  #pass(): void {
    while (this.#waitingBytes > 0) {
      if (this.#paused) return;
      if (this.#passed) return this.#passLater();
      this.#passed = true;
      this.#passLater();
      const chunk = this.#take();
      this.#events.data(chunk);
      this.#readOn();
    }
    if (!this.#ended || this.#discarded) return;
    this.#ended = false;
    this.#events.end();
  }

  #take(): Buffer {
    const chunk = Buffer.allocUnsafeSlow(Math.min(this.#waitingBytes, MOST_BYTES));
    for (let at = 0; at < chunk.length; at += BLOCK_BYTES) {
      const block = this.#blocks.shift();
      if (block === undefined) break;
      chunk.set(block.subarray(0, chunk.length - at), at);
      freeMemory(block);
    }
    this.#waitingBytes -= chunk.length;
    return chunk;
  }

  #drop(): void {
    this.#blocks = [];
    this.#waitingBytes = 0;
  }
}
