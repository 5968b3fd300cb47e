import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { ConnectionReads } from '../../../src/http/http2/body-memory.ts';
import { flags, frame, FrameClient, frameTypes, headFields } from '../http2-frames.ts';
import { patterned, serveStreams } from './serve-streams.ts';

const KiB = 1024;

/** Reads of which Node.js reports two chunks each, one after the other. */
function noteTwice(reads: ConnectionReads, count: number): Buffer[] {
  return Array.from({ length: count }, () => {
    const read = Buffer.allocUnsafeSlow(100);
    reads.note(read.subarray(0, 50));
    reads.note(read.subarray(50));
    return read;
  });
}

const lengths = (reads: readonly Buffer[]): number[] => reads.map(({ buffer }) => buffer.byteLength);

test('a read of a connection is freed in the turn after Node.js has the next one', async () => {
  const reads = noteTwice(new ConnectionReads(), 3);
  expect(lengths(reads)).toEqual([100, 100, 100]);
  await laterTurn();
  expect(lengths(reads)).toEqual([0, 0, 100]);
});

test('no read is freed that may have bytes which Node.js reported before their stream', async () => {
  const reads = new ConnectionReads();
  // The bytes may be in a read before the last one, in the last one, or in one of which nothing was copied yet.
  const before = noteTwice(reads, 2);
  reads.keep();
  const after = noteTwice(reads, 3);
  await laterTurn();
  expect(lengths(before)).toEqual([100, 100]);
  expect(lengths(after)).toEqual([100, 0, 100]);
});

/** Two streams of one connection: nothing reads the first one, and `received` counts the bytes of the second one. */
async function twoStreams(): Promise<{ client: FrameClient; unread: () => ServerHttp2Stream; received: () => number }> {
  const streams: ServerHttp2Stream[] = [];
  let bytes = 0;
  const port = await serveStreams((stream, memory) => {
    if (streams.push(stream) === 1) return;
    memory.passTo((chunk) => {
      bytes += chunk.length;
      return true;
    });
  }, 1024 * KiB);
  const client = await FrameClient.open(port);
  for (const stream of [1, 3]) client.send(frameTypes.headers, flags.endHeaders, stream, headFields('/'));
  await client.frame(frameTypes.headers, 3);
  const unread = (): ServerHttp2Stream => streams[0] as ServerHttp2Stream;
  return { client, unread, received: () => bytes };
}

/** The chunks of a body that is read from now on. */
async function chunksOf(stream: ServerHttp2Stream): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return chunks;
}

test('a body that nothing reads has memory of its own size, however small its frames are and whatever arrives between them', async () => {
  const { client, unread, received } = await twoStreams();
  const body = patterned(2000);
  const between = Buffer.alloc(10 * KiB);
  for (const byte of body) {
    client.send(frameTypes.data, 0, 3, between.subarray(0, 400));
    client.send(frameTypes.data, 0, 1, Uint8Array.of(byte));
  }
  client.send(frameTypes.data, flags.endStream, 1);
  client.send(frameTypes.data, 0, 3, between);
  while (received() < 2000 * 400 + between.length) await turn();
  const chunks = await chunksOf(unread());
  expect(Buffer.concat(chunks).equals(body)).toBe(true);
  expect(chunks.length).toBeLessThan(10);
  const memory = new Set(chunks.map(({ buffer }) => buffer));
  expect([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(body.length + 17 * KiB);
});

test('a body is whole if it is read late, in frames of every size', async () => {
  const { client, unread } = await twoStreams();
  const body = patterned(600 * KiB);
  const frames: Buffer[] = [];
  for (let at = 0, length = 1; at < body.length; at += length, length = (length * 7 + 13) % 16_385) {
    frames.push(frame(frameTypes.data, 0, 1, body.subarray(at, at + length)));
  }
  client.socket.write(Buffer.concat([...frames, frame(frameTypes.data, flags.endStream, 1)]));
  while (unread().readableLength < 200 * KiB) await turn();
  const chunks = await chunksOf(unread());
  expect(Buffer.concat(chunks).equals(body)).toBe(true);
});
