import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { RequestError } from '../../../src/core/errors.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import { noQueues } from '../../../src/http/connection/kernel-queues.ts';
import { StallWatch } from '../../../src/http/connection/stall-watch.ts';
import { EncodeBuffers } from '../../../src/http/stream/encode-buffers.ts';
import { Http1Transport } from '../../../src/http/stream/http1-transport.ts';
import type { ResponseHead, Transport, TransportEvents } from '../../../src/http/stream/transport.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { ScriptedLookup, settled } from '../../pipeline/harness.ts';
import { enriched, listen, records } from '../start.ts';
import { MemoryTransport } from './memory-transport.ts';
import { openSession } from './open-session.ts';

/**
 * A codec between a transport and a session, as small as one can be: each byte is two hexadecimal digits, and `.` is
 * the end. Like a real one it carries a rest from chunk to chunk, and knows whether the coding has ended well.
 */
class HexCodec implements Transport {
  readonly #inner: Transport;
  #rest = '';
  #ended = false;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get client(): string | null {
    return this.#inner.client;
  }

  get hasRoom(): boolean {
    return this.#inner.hasRoom;
  }

  get heldBytes(): number {
    return this.#inner.heldBytes;
  }

  open({ headers, trailers }: ResponseHead, events: TransportEvents): void {
    this.#inner.open(
      { headers: { ...headers, 'Content-Encoding': 'hex' }, trailers },
      {
        ...events,
        data: (chunk) => this.#decode(chunk, events),
        end: () => {
          if (this.#ended) events.end();
          else events.failed(new RequestError('bad_body', 'the coding of the body has no end'));
        },
      },
    );
  }

  #decode(chunk: Uint8Array, events: TransportEvents): void {
    const coded = this.#rest + Buffer.from(chunk).toString('latin1');
    this.#ended = coded.endsWith('.');
    const digits = this.#ended ? coded.slice(0, -1) : coded;
    const whole = digits.length - (digits.length % 2);
    this.#rest = digits.slice(whole);
    if (whole > 0) events.data(Buffer.from(digits.slice(0, whole), 'hex'));
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  write(output: string | Uint8Array): number {
    const plain = Buffer.from(output);
    this.#inner.write(Buffer.from(plain.toString('hex')));
    return plain.byteLength;
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    this.#inner.write('.');
    this.#inner.finish(trailers);
  }

  cut(stallTimeoutMs: number): void {
    this.#inner.cut(stallTimeoutMs);
  }

  reset(): void {
    this.#inner.reset();
  }

  close(): void {
    this.#inner.close();
  }

  watchReader(timeoutMs: number, stalled: () => void): () => void {
    return this.#inner.watchReader(timeoutMs, stalled);
  }

  unreadBytes(): Promise<number> {
    return this.#inner.unreadBytes();
  }
}

const hex = (plain: string): string => Buffer.from(plain).toString('hex');
const plainOf = (coded: string): string => Buffer.from(coded, 'hex').toString();
const answering = (): ScriptedLookup =>
  new ScriptedLookup('far', ({ key }) => new Answer(`{"found":${JSON.stringify(key)}}`));

test('a session reads and writes through a codec that it does not know', async () => {
  const inner = new MemoryTransport();
  const { session, reported } = openSession(new HexCodec(inner), { lookup: answering() });
  expect(inner.head?.headers).toEqual({ 'X-Request-Id': 'id-1', 'Content-Encoding': 'hex' });
  const body = `${hex(records(1, 2))}.`;
  // A chunk may end within the two digits of a byte.
  inner.send(body.slice(0, 7));
  inner.send(body.slice(7, 40));
  inner.send(body.slice(40));
  inner.events.end();
  await settled();
  expect(inner.output).toBe(`${hex(enriched(1, 2))}.`);
  expect(inner.ends).toEqual(['finish']);
  inner.events.finished();
  expect(session.describe(0)).toMatchObject({
    receivedBytes: records(1, 2).length,
    sentBytes: enriched(1, 2).length,
  });
  expect(reported.logged).toMatchObject([{ outcome: 'completed', read: 2, written: 2 }]);
});

test('a coded body without its end cuts the stream, and the coding of the output has no end either', async () => {
  const inner = new MemoryTransport();
  const { reported } = openSession(new HexCodec(inner), { lookup: answering() });
  inner.send(hex(records(1)));
  inner.events.end();
  await settled();
  expect(inner.output).not.toContain('.');
  expect(inner.ends).toEqual(['cut']);
  expect(reported.logged).toMatchObject([{ outcome: 'failed', code: 'bad_body' }]);
});

test('backpressure passes through a codec in both directions', async () => {
  const inner = new MemoryTransport();
  const { lookup } = openSession(new HexCodec(inner), { settings: { capacity: 1 } });
  inner.send(hex(records(1, 2)));
  expect(inner.paused).toBe(true);
  inner.hasRoom = false;
  lookup.calls[0]?.answer('{"found":"1"}');
  await settled();
  expect(inner.watch?.timeoutMs).toBe(30_000);
  lookup.calls[1]?.answer('{"found":"2"}');
  await settled();
  expect(plainOf(inner.output)).toBe(enriched(1));
  inner.hasRoom = true;
  inner.events.readerReady();
  await settled();
  expect([plainOf(inner.output), inner.paused, inner.watch]).toEqual([enriched(1, 2), false, undefined]);
});

test('the same codec stands between a session and HTTP/1.1', async () => {
  const server = createServer((request, response) => {
    const stalls = new StallWatch(systemClock, noQueues);
    const buffers = new EncodeBuffers();
    const http1 = new Http1Transport({ request, response, buffers, stalls, clock: systemClock });
    openSession(new HexCodec(http1), { lookup: answering() });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = httpRequest({ host: '127.0.0.1', port, method: 'POST' });
  request.end(`${hex(records(1, 2))}.`);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.headers['content-encoding']).toBe('hex');
  expect(await text(response)).toBe(`${hex(enriched(1, 2))}.`);
  expect(response.trailers).toMatchObject({ 'millrace-status': 'complete', 'millrace-written': '2' });
});
