import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { ContentCoding } from '../../../src/core/vocabulary.ts';

const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress };

/** A client whose request has begun; it decodes the response as it comes. */
export class CodedClient {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** What was decoded so far. */
  text = '';
  /** Whether the coding has ended well; undefined while it has not ended. */
  complete: boolean | undefined;
  /** Whether the response was cut off. */
  cut = false;
  #changed: (() => void)[] = [];

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
  }

  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<CodedClient> {
    const request = httpRequest(url, { method: 'POST', headers });
    onTestFinished(() => void request.destroy());
    request.on('error', () => {});
    request.flushHeaders();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new CodedClient(request, response);
  }

  /** Reads and decodes from now on. */
  read(): this {
    const coding = this.response.headers['content-encoding'] as ContentCoding;
    const decoder = decoders[coding]();
    const change = (): void => {
      for (const resolve of this.#changed.splice(0)) resolve();
    };
    const ended = (complete: boolean) => (): void => {
      this.complete ??= complete;
      change();
    };
    decoder.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
      change();
    });
    decoder.on('end', ended(true)).on('error', ended(false));
    this.response.on('data', (chunk: Buffer) => {
      if (!decoder.write(chunk)) {
        this.response.pause();
        decoder.once('drain', () => this.response.resume());
      }
    });
    this.response.on('error', () => {
      this.cut = true;
    });
    this.response.on('close', () => decoder.end());
    return this;
  }

  async until(condition: () => boolean): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Resolves when the coding has ended, well or not. */
  async ended(): Promise<void> {
    await this.until(() => this.complete !== undefined);
  }
}
