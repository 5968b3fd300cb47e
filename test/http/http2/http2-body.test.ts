import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { guardWith } from '../../../src/core/guard.ts';
import { Http2Body } from '../../../src/http/http2/http2-body.ts';
import { clientOf, patterned, serveStreams } from './serve-streams.ts';

const KiB = 1024;
const windowBytes = 256 * KiB;
const guard = guardWith((error) => {
  throw error;
});

/** A stream to a server that reads it through an `Http2Body`. */
async function open(data: (chunk: Buffer, body: Http2Body) => void) {
  const ended = { value: false };
  let streamOf: ServerHttp2Stream | undefined;
  let bodyOf: Http2Body | undefined;
  const port = await serveStreams((stream) => {
    streamOf = stream;
    const events = { data: (chunk: Buffer) => data(chunk, body), end: () => (ended.value = true) };
    const body = new Http2Body(stream, events, guard);
    bodyOf = body;
  }, windowBytes);
  const client = clientOf(port).request({ ':method': 'POST' });
  client.on('error', () => {});
  await once(client, 'response');
  return { client, ended, stream: streamOf as ServerHttp2Stream, body: bodyOf as Http2Body };
}

test('a body arrives whole, in chunks of up to 64 KiB, and never while it is paused', async () => {
  const sent = patterned(4 * 1024 * KiB);
  const chunks: Buffer[] = [];
  let paused = false;
  const { client, ended } = await open((chunk, body) => {
    expect(paused).toBe(false);
    chunks.push(chunk);
    if (chunks.length % 3 === 0) return;
    paused = true;
    body.pause();
    setImmediate(() => {
      paused = false;
      body.resume();
    });
  });
  client.end(sent);
  while (!ended.value) await turn();
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  expect(Math.max(...chunks.map(({ length }) => length))).toBe(64 * KiB);
  // A frame has 16 KiB.
  expect(chunks.length).toBeLessThan(sent.length / (16 * KiB));
});

test('of a body that is paused, the window and what one chunk may have waits', async () => {
  const sent = patterned(2 * 1024 * KiB);
  const chunks: Buffer[] = [];
  const { client, ended, stream, body } = await open((chunk) => chunks.push(chunk));
  body.pause();
  const before = process.memoryUsage().arrayBuffers;
  client.end(sent);
  while (stream.state.localWindowSize !== 0) await turn();
  const bytes = Number(client.session?.socket.bytesWritten);
  expect(bytes).toBeLessThan(windowBytes + 80 * KiB);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * KiB);
  expect(chunks).toEqual([]);
  body.resume();
  while (!ended.value) await turn();
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test('a short chunk that comes alone is passed on in the turn in which it arrives', async () => {
  const texts: string[] = [];
  const { client, stream } = await open((chunk) => texts.push(chunk.toString()));
  for (const text of ['one\n', 'two\n']) {
    client.write(text);
    const before = texts.length;
    // Its bytes are counted when Node.js calls `push`; no turn of the event loop is between the two.
    while (stream.state.localWindowSize === windowBytes - 4 * before) await turn();
    expect(texts.at(-1)).toBe(text);
  }
});

test('a body that is discarded is read to its end, and has no more events', async () => {
  const sent = patterned(2 * 1024 * KiB);
  const chunks: Buffer[] = [];
  const { client, ended, body } = await open((chunk) => {
    chunks.push(chunk);
    body.pause();
  });
  client.end(sent);
  while (chunks.length === 0) await turn();
  body.discard();
  await once(client, 'finish');
  await turn();
  expect([chunks.length, ended.value]).toEqual([1, false]);
});
