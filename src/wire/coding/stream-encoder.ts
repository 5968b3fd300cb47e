import type { Guard } from '../../core/guard.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { encoders, type Engine } from './engines.ts';

export interface StreamEncoderEvents {
  /** Whether the receiver of coded bytes has room. Output waits in the encoder until `advance` is called. */
  hasRoom(): boolean;
  /** Coded bytes, to be sent now. */
  data(bytes: Buffer): void;
  /** A batch of output is coded, and all its bytes were passed to `data`. */
  batchDone(): void;
  /** The end of the coding was passed to `data`. */
  end(): void;
  /** Nothing more can be coded. */
  broken(error: Error): void;
}

/**
 * Codes output in batches, and flushes each one: the reader can decode every byte of it.
 *
 *     write ──▶ pending [ output | output | … ] ── no batch under way, and room ──▶ engine ── data ──▶
 *
 * Output that is written while a batch is under way is the next batch. So the first line after a pause is coded at once,
 * and a stream with much output pays for few flushes: a flush is a trip to another thread, 50 to 60 µs of CPU.
 */
export class StreamEncoder {
  readonly #coding: ContentCoding;
  readonly #events: StreamEncoderEvents;
  readonly #guard: Guard;
  #engine: Engine | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes of the batch that is under way; undefined if there is none. */
  #batchBytes: number | undefined;
  #ending = false;
  #drained: (() => void) | undefined;
  #over = false;

  constructor(coding: ContentCoding, guard: Guard, events: StreamEncoderEvents) {
    this.#coding = coding;
    this.#guard = guard;
    this.#events = events;
  }

  /** Bytes of output that are not coded yet. */
  get heldBytes(): number {
    return this.#pendingBytes + (this.#batchBytes ?? 0);
  }

  /** Text is coded as UTF-8. Bytes are copied. Returns the length in bytes, before the coding. */
  write(output: string | Uint8Array): number {
    const bytes = Buffer.from(output as string);
    if (this.#over) return bytes.byteLength;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.byteLength;
    this.advance();
    return bytes.byteLength;
  }

  /** To be called when there is room again. */
  advance(): void {
    if (this.#over || this.#batchBytes !== undefined) return;
    if (this.#drained === undefined && !this.#events.hasRoom()) return;
    const isLast = this.#ending;
    if (this.#pendingBytes > 0 || isLast) this.#code(this.#takePending(), isLast);
    else if (this.#drained !== undefined) this.#callDrained(this.#drained);
  }

  /** Codes the rest of the output, and the end of the coding; `end` follows. */
  end(): void {
    this.#ending = true;
    this.advance();
  }

  /**
   * Codes the rest of the output without an end of the coding, whether or not there is room, and calls `done`. After
   * `end` the rest of the output is dropped, so that the end of the coding cannot be sent.
   */
  drain(done: () => void): void {
    if (this.#over || this.#ending) {
      this.close();
      done();
      return;
    }
    this.#drained = done;
    this.advance();
  }

  /** Releases everything. Does nothing the second time. */
  close(): void {
    this.#over = true;
    this.#takePending();
    this.#batchBytes = undefined;
    this.#engine?.destroy();
    this.#engine = undefined;
  }

  #callDrained(done: () => void): void {
    this.close();
    done();
  }

  #takePending(): Buffer {
    const pending = this.#pending;
    const [first] = pending;
    const bytes = pending.length === 1 && first !== undefined ? first : Buffer.concat(pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  #code(batch: Buffer, isLast: boolean): void {
    const engine = (this.#engine ??= this.#newEngine());
    this.#batchBytes = batch.byteLength;
    // The last batch and the end are one trip to the other thread.
    if (isLast) engine.end(batch);
    else
      engine.write(
        batch,
        this.#current(engine, () => this.#batchCoded(engine)),
      );
  }

  #batchCoded(engine: Engine): void {
    // Output that the stream of the engine has buffered comes out as `data`.
    while (engine.read() !== null) if (this.#over) return;
    this.#batchBytes = undefined;
    this.#events.batchDone();
    this.advance();
  }

  #newEngine(): Engine {
    const engine: Engine = encoders[this.#coding]();
    engine.on(
      'data',
      this.#current(engine, (bytes: Buffer) => this.#events.data(bytes)),
    );
    engine.on(
      'end',
      this.#current(engine, () => {
        this.close();
        this.#events.end();
      }),
    );
    engine.on(
      'error',
      this.#current(engine, (error: Error) => {
        this.close();
        this.#events.broken(error);
      }),
    );
    return engine;
  }

  /** A handler that ignores the events of an engine that was closed. */
  #current<Args extends readonly unknown[]>(engine: Engine, handle: (...args: Args) => void): (...args: Args) => void {
    return this.#guard((...args: Args) => {
      if (engine === this.#engine) handle(...args);
    });
  }
}
