import type { ServerResponse } from 'node:http';
import type { EncodeBuffers } from './encode-buffers.ts';

/** Writes text and bytes to one response through shared buffers. A buffer is free again when it is sent or the response is closed. */
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

  /** Text is written as UTF-8. Bytes are copied. Returns the length in bytes. */
  write(output: string | Uint8Array): number {
    const isText = typeof output === 'string';
    const buffer = this.#response.destroyed
      ? undefined
      : this.#buffers.take(isText ? output.length : output.byteLength);
    if (buffer === undefined) {
      this.#response.write(isText ? output : Buffer.from(output));
      return Buffer.byteLength(output);
    }
    this.#lent.add(buffer);
    let bytes: number;
    if (isText) bytes = buffer.write(output);
    else {
      bytes = output.byteLength;
      buffer.set(output);
    }
    this.#response.write(buffer.subarray(0, bytes), () => this.#giveBack(buffer));
    return bytes;
  }

  #giveBack(buffer: Buffer): void {
    if (this.#lent.delete(buffer)) this.#buffers.give(buffer);
  }
}
