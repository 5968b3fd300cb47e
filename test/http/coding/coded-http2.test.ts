import { once } from 'node:events';
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { contentCodings, type ContentCoding } from '../../../src/core/vocabulary.ts';
import { coded } from '../../wire/coding/bodies.ts';
import { sessionTo } from '../http2-client.ts';
import { enriched, records, start, type Started } from '../start.ts';

const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress };

/** A stream over HTTP/2 that asks for a coding and decodes what comes. */
class Coded {
  readonly stream: ClientHttp2Stream;
  readonly head: Promise<IncomingHttpHeaders>;
  text = '';
  /** Whether the coding has ended well; undefined while it has not ended. */
  complete: boolean | undefined;
  trailers: IncomingHttpHeaders | undefined;
  #changed: (() => void)[] = [];

  constructor(service: Started, path: string, coding: ContentCoding) {
    const codings = { 'content-encoding': coding, 'accept-encoding': coding };
    this.stream = sessionTo(service).request({ ':method': 'POST', ':path': path, ...codings });
    this.stream.on('error', () => {}).on('trailers', (trailers) => (this.trailers = trailers));
    this.head = once(this.stream, 'response').then(([head]) => head as IncomingHttpHeaders);
    const decoder = decoders[coding]();
    const change = (): void => {
      for (const resolve of this.#changed.splice(0)) resolve();
    };
    decoder.on('data', (part: Buffer) => {
      this.text += part.toString();
      change();
    });
    for (const [event, complete] of [
      ['end', true],
      ['error', false],
    ] as const) {
      decoder.on(event, () => {
        this.complete ??= complete;
        change();
      });
    }
    this.stream.on('data', (part: Buffer) => decoder.write(part)).on('close', () => decoder.end());
  }

  async until(condition: () => boolean): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
}

describe.each(contentCodings)('over HTTP/2 a stream that is coded as %s', (coding) => {
  test('brings each result before the next part is sent, and ends complete', async () => {
    const client = new Coded(await start(), '/v1/enrich/test', coding);
    // Parts of gzip and frames of zstd; br has one part only.
    const parts = coding === 'br' ? [records(1, 2, 3)] : [records(1), records(2), records(3)];
    for (const part of parts) {
      client.stream.write(coded[coding](part));
      const [, last = ''] = /"key":"(\d)"[^"]*$/.exec(part) ?? [];
      // oxlint-disable-next-line no-await-in-loop
      await client.until(() => client.text.endsWith(enriched(last)));
    }
    expect(await client.head).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding' });
    client.stream.end();
    await client.until(() => client.complete !== undefined);
    expect([client.text, client.complete, client.stream.rstCode]).toEqual([enriched(1, 2, 3), true, 0]);
    expect(client.trailers).toMatchObject({ 'millrace-status': 'complete', 'millrace-written': '3' });
  });

  test.each([
    ['breaks off', coded[coding](records(1)).subarray(0, -1), 'bad_body'],
    ['is a bomb', coded[coding](Buffer.alloc(64 * 1024 * 1024)), 'decompression_ratio'],
  ])('that %s is reset, and its coding has no end', async (_, body, code) => {
    const client = new Coded(await start(), '/v1/enrich/test?control=true', coding);
    client.stream.end(body);
    await client.until(() => client.complete !== undefined);
    expect(client.text).toContain(`"code":"${code}"`);
    expect([client.complete, client.trailers]).toEqual([false, undefined]);
    expect(client.stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  });
});
