import type { Guard } from '../../core/guard.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { decoders, type Engine } from './engines.ts';

/** Why a body cannot be decoded. `ratio`: what it is decoded to is larger than `maxRatio` allows. */
export interface CodingFault {
  readonly kind: 'damaged' | 'ratio';
  readonly message: string;
}

export interface StreamDecoderEvents {
  /** Decoded bytes. Not called while the decoder is paused. */
  data(chunk: Buffer): void;
  /** Everything that was written is decoded. */
  hungry(): void;
  /** The coding has ended well, at the end of the body. */
  end(): void;
  failed(fault: CodingFault): void;
}

export interface StreamDecoderOptions {
  readonly coding: ContentCoding;
  /** Decoded bytes for each coded byte, at most. Not applied to the first MiB. */
  readonly maxRatio: number;
  /** Wraps the functions that Node.js calls. */
  readonly guard: Guard;
}

const noBytes = new Uint8Array();

/** A small body of equal lines has a great ratio, and does no harm. */
const UNCHECKED_BYTES = 1024 * 1024;

/**
 * Decodes a body of one coding, piece by piece.
 *
 *     write ──▶ [ chunk | … ] ── one at a time ──▶ engine ── data ──▶          pause: nothing more is given to the engine
 *
 * - gzip: all members are read. Zeros after the last one are padding, as tapes have it; anything else is a fault.
 * - zstd: all frames are read. An engine of Node.js stops at the end of a frame if more bytes follow in the same chunk,
 *   and drops them; they go to a new engine.
 * - br: bytes after the end are a fault. The engine would drop them.
 *
 * No byte is dropped without a fault: `bytesWritten` of an engine is what it has read. No event comes after `end`,
 * `failed` or `close`.
 * Borrowed (docs/dependencies.md): Node does not document what an engine reads of a chunk in which its coding ends.
 */
export class StreamDecoder {
  readonly #options: StreamDecoderOptions;
  readonly #events: StreamDecoderEvents;
  readonly #waiting: Uint8Array[] = [];
  #engine: Engine | undefined;
  /** The chunk that the engine reads. */
  #reading: Uint8Array | undefined;
  /** Bytes given to this engine, and bytes that earlier engines have read. */
  #givenBytes = 0;
  #earlierBytes = 0;
  #decodedBytes = 0;
  #paused = false;
  #bodyComplete = false;
  /** A gzip body has ended: only zeros may follow. */
  #padding = false;
  #over = false;

  constructor(options: StreamDecoderOptions, events: StreamDecoderEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** No event comes any more. */
  get over(): boolean {
    return this.#over;
  }

  /** Takes coded bytes, which must not change after the call. Best called after `hungry` only. */
  write(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#waiting.push(chunk);
    this.#advance();
  }

  /** The body is complete. */
  end(): void {
    this.#bodyComplete = true;
    this.#advance();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#engine?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Buffered output comes in a later turn, and #advance is called after it.
    this.#engine?.resume();
    this.#advance();
  }

  /** Releases everything. Does nothing the second time. */
  close(): void {
    this.#over = true;
    this.#waiting.length = 0;
    this.#reading = undefined;
    this.#engine?.destroy();
    this.#engine = undefined;
  }

  #advance(): void {
    if (this.#over || this.#paused || this.#reading !== undefined) return;
    if (this.#engine !== undefined && this.#engine.readableLength > 0) return;
    const chunk = this.#waiting.shift();
    if (chunk === undefined) {
      if (this.#bodyComplete) this.#finish();
      else this.#events.hungry();
    } else if (chunk.byteLength === 0) this.#advance();
    else if (this.#padding) this.#readPadding(chunk);
    else this.#decode(chunk);
  }

  #decode(chunk: Uint8Array): void {
    const engine = (this.#engine ??= this.#newEngine());
    this.#reading = chunk;
    this.#givenBytes += chunk.byteLength;
    engine.write(
      chunk,
      this.#options.guard(() => {
        // An engine that has left a part of the chunk unread has ended, and its `end` follows.
        if (engine !== this.#engine || engine.bytesWritten < this.#givenBytes) return;
        this.#reading = undefined;
        this.#advance();
      }),
    );
  }

  #newEngine(): Engine {
    const { coding, guard } = this.#options;
    const engine: Engine = decoders[coding]();
    const current = <Value>(handle: (value: Value) => void): ((value: Value) => void) =>
      guard((value) => {
        if (engine === this.#engine) handle(value);
      });
    engine.on(
      'data',
      current((chunk: Buffer) => this.#decoded(engine, chunk)),
    );
    engine.on(
      'end',
      current(() => this.#engineEnded(engine)),
    );
    engine.on(
      'error',
      current((error: Error) => this.#fail('damaged', this.#describe(error))),
    );
    return engine;
  }

  #decoded(engine: Engine, chunk: Buffer): void {
    this.#decodedBytes += chunk.byteLength;
    const { maxRatio, coding } = this.#options;
    const codedBytes = this.#earlierBytes + engine.bytesWritten;
    if (this.#decodedBytes > UNCHECKED_BYTES && this.#decodedBytes > maxRatio * codedBytes) {
      const size = `${codedBytes} bytes of ${coding} are decoded to ${this.#decodedBytes} bytes and more`;
      return this.#fail('ratio', `${size}; at most ${maxRatio} bytes for each byte are allowed`);
    }
    this.#events.data(chunk);
    this.#advance();
  }

  /** The engine has read the whole body, or has found the end of the coding within a chunk. */
  #engineEnded(engine: Engine): void {
    const unreadBytes = this.#givenBytes - engine.bytesWritten;
    if (unreadBytes === 0) return this.#end();
    const { coding } = this.#options;
    const chunk = this.#reading ?? noBytes;
    const unread = chunk.subarray(chunk.byteLength - unreadBytes);
    this.#earlierBytes += engine.bytesWritten;
    this.#givenBytes = 0;
    this.#reading = undefined;
    this.#engine = undefined;
    engine.destroy();
    if (coding === 'br') return this.#failBehindEnd();
    this.#waiting.unshift(unread);
    this.#padding = coding === 'gzip';
    this.#advance();
  }

  #readPadding(chunk: Uint8Array): void {
    if (chunk.some((byte) => byte !== 0)) return this.#failBehindEnd();
    this.#earlierBytes += chunk.byteLength;
    this.#advance();
  }

  #finish(): void {
    if (this.#padding) return this.#end();
    // The engine of an empty body, too, reports that the end is missing.
    this.#engine ??= this.#newEngine();
    if (!this.#engine.writableEnded) this.#engine.end();
  }

  #end(): void {
    this.close();
    this.#events.end();
  }

  #failBehindEnd(): void {
    this.#fail('damaged', `after the end of its ${this.#options.coding} coding the body has more bytes`);
  }

  #fail(kind: CodingFault['kind'], message: string): void {
    this.close();
    this.#events.failed({ kind, message });
  }

  #describe(error: Error): string {
    const { coding } = this.#options;
    const brokenOff = 'code' in error && error.code === 'Z_BUF_ERROR';
    if (brokenOff && this.#earlierBytes + this.#givenBytes === 0)
      return `the body is empty, which is not ${coding}: a coded body has an end even if it has no lines`;
    if (brokenOff) return `the body breaks off before the end of its ${coding} coding`;
    return `the body is not valid ${coding}: ${error.message}`;
  }
}
