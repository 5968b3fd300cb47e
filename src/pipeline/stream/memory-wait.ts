import type { BackpressureMeter } from '../../operator/backpressure-meter.ts';

/** The wait of a stream for memory that all streams share: with a chunk of its body, or with a line that has been read. */
export class MemoryWait {
  readonly #backpressure: BackpressureMeter;
  #chunk: Uint8Array | undefined;
  #waits = false;

  constructor(backpressure: BackpressureMeter) {
    this.#backpressure = backpressure;
  }

  get waits(): boolean {
    return this.#waits;
  }

  get hasChunk(): boolean {
    return this.#chunk !== undefined;
  }

  begin(chunk?: Uint8Array): void {
    this.#waits = true;
    this.#chunk = chunk;
    this.#backpressure.stopped('memory');
  }

  /** Returns the chunk that waited. Does nothing if there is no wait. */
  end(): Uint8Array | undefined {
    if (!this.#waits) return undefined;
    const chunk = this.#chunk;
    this.#waits = false;
    this.#chunk = undefined;
    this.#backpressure.moving();
    return chunk;
  }
}
