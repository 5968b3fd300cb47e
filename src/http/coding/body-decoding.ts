import { RequestError } from '../../core/errors.ts';
import type { Guard } from '../../core/guard.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { type CodingFault, StreamDecoder } from '../../wire/coding/stream-decoder.ts';
import type { BodyEvents } from '../stream/transport.ts';

/** The sender of a coded body. */
export interface BodySource {
  pause(): void;
  /** Does nothing if the source is not paused. */
  resume(): void;
}

export interface DecodedBodyEvents extends BodyEvents {
  /** Coded bytes have arrived. */
  activity(): void;
  /** The body cannot be decoded to its end. */
  failed(reason: RequestError): void;
}

export interface BodyDecodingOptions {
  readonly coding: ContentCoding;
  readonly maxRatio: number;
  readonly source: BodySource;
  readonly guard: Guard;
}

/**
 * Decodes the body of a request. While a chunk is decoded, and while the reader is paused, the source is paused: one
 * chunk and what the decoder needs for itself are held, no more.
 *
 *     source ── data ──▶ decoder ── data ──▶ reader
 *        ▲ pause, resume                        │ pause, resume
 *        └──────────────────────────────────────┘
 */
export class BodyDecoding implements BodyEvents {
  readonly #decoder: StreamDecoder;
  readonly #source: BodySource;
  readonly #reader: DecodedBodyEvents;

  constructor({ source, ...options }: BodyDecodingOptions, reader: DecodedBodyEvents) {
    this.#source = source;
    this.#reader = reader;
    this.#decoder = new StreamDecoder(options, {
      data: (chunk) => reader.data(chunk),
      hungry: () => source.resume(),
      end: () => reader.end(),
      failed: (fault) => reader.failed(requestErrorOf(fault)),
    });
  }

  data(chunk: Uint8Array): void {
    // What follows a fault is read and dropped: the client is still sending when it gets the answer.
    if (this.#decoder.over) return;
    this.#reader.activity();
    this.#source.pause();
    this.#decoder.write(chunk);
  }

  end(): void {
    this.#decoder.end();
  }

  gone(): void {
    this.#decoder.close();
    this.#reader.gone();
  }

  pause(): void {
    this.#decoder.pause();
  }

  resume(): void {
    this.#decoder.resume();
  }

  close(): void {
    this.#decoder.close();
  }
}

function requestErrorOf({ kind, message }: CodingFault): RequestError {
  if (kind === 'damaged') return new RequestError('bad_body', message);
  return new RequestError('decompression_ratio', `${message} (limits.decompressionRatio)`);
}
