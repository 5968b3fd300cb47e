import type { ServerResponse } from 'node:http';
import type { EncodeBuffers } from './encode-buffers.ts';

/** Writes text to one response through shared buffers. A buffer is free again when it is sent or the response is closed. */
export class TextWriter {
  readonly #response: ServerResponse;
  readonly #buffers: EncodeBuffers;
  readonly #lent = new Set<Buffer>();

  constructor(response: ServerResponse, buffers: EncodeBuffers) {
    this.#response = response;
    this.#buffers = buffers;
    // A destroyed socket does not call back for unsent writes.
    response.once('close', () => {
      for (const buffer of this.#lent) this.#giveBack(buffer);
    });
  }

  /** Returns the length in bytes. */
  write(text: string): number {
    const buffer = this.#response.destroyed ? undefined : this.#buffers.take(text.length);
    if (buffer === undefined) {
      this.#response.write(text);
      return Buffer.byteLength(text);
    }
    this.#lent.add(buffer);
    const bytes = buffer.write(text);
    this.#response.write(buffer.subarray(0, bytes), () => this.#giveBack(buffer));
    return bytes;
  }

  #giveBack(buffer: Buffer): void {
    if (this.#lent.delete(buffer)) this.#buffers.give(buffer);
  }
}
