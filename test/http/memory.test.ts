import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { fetch } from './fetched.ts';
import { start, type Started } from './start.ts';
import { openStream, type StreamClient } from './stream-client.ts';

const MiB = 1024 ** 2;
const filler = 'x'.repeat(200_000);
const line = (key: number): string => `{"key":"${key}","more":"${filler}"}\n`;
const answered = (key: number): string => `{"key":"${key}","more":"${filler}","answer":{"found":"${key}"}}\n`;

const waiting = ({ streams }: Started): number =>
  streams.describe().filter(({ backpressure }) => backpressure === 'memory').length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

async function streamed(url: string, keys: readonly number[]): Promise<string> {
  const body = new TextEncoder().encode(keys.map((key) => line(key)).join(''));
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body });
  return response.text();
}

test('clients that send more than the memory holds wait while the lookup hangs, and all finish when it answers', async () => {
  const started = await start({ memoryBytes: 4 * MiB, lookup: {}, pipeline: { timeout: '0s' } });
  const { url, downstream, memory, heard } = started;
  downstream.hold = true;
  const keys = Array.from({ length: 8 }, (_, key) => key);
  const clients = Array.from({ length: 20 }, () => streamed(url, keys));
  await until(() => waiting(started) === 20);
  // Above the limit each stream may hold what is on its way: over HTTP/2 a window of 256 KiB, counted with its text.
  expect(memory.heldBytes).toBeLessThan(16 * MiB);
  expect(started.streams.describe().map(({ heldBytes }) => Number(heldBytes))).not.toContain(NaN);

  downstream.hold = false;
  for (const call of downstream.held.splice(0)) call.answer({ found: call.key });
  const expected = keys.map((key) => answered(key)).join('');
  expect(new Set(await Promise.all(clients))).toEqual(new Set([expected]));
  expect(heard.backpressure).toContain('memory');
  await until(() => memory.heldBytes === 0);
});

test('clients that send a part of a line and stop hold up no stream that sends whole lines', async () => {
  const started = await start({ memoryBytes: MiB, pipeline: { timeout: '0s' } });
  const { url, heard } = started;
  const clients = await Promise.all(Array.from({ length: 20 }, () => openStream(`${url}/v1/enrich/test`)));
  for (const client of clients) client.send(line(1).slice(0, 150_000));
  await until(() => waiting(started) > 0);
  const body = Array.from({ length: 10 }, (_, key) => `{"key":"${key}"}\n`).join('');
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body: new TextEncoder().encode(body) });
  expect((await response.text()).trimEnd().split('\n')).toHaveLength(10);
  expect(heard.outcomes).toEqual(['completed']);
  for (const client of clients) client.leave();
});

test('streams whose incomplete lines fill the memory all finish', async () => {
  const started = await start({ memoryBytes: MiB, pipeline: { timeout: '0s' } });
  const { url } = started;
  const clients = await Promise.all(Array.from({ length: 20 }, () => openStream(`${url}/v1/enrich/test`)));
  for (const client of clients) client.send(line(1).slice(0, 150_000));
  await until(() => waiting(started) > 0);
  for (const client of clients) client.send(line(1).slice(150_000));
  for (const client of clients) client.end();
  for (const client of clients) await client.complete();
  expect(started.memory.heldBytes).toBe(0);
});

test('a stream that has the memory grant has to finish its line within idleTimeout', async () => {
  const clock = virtualClock();
  const started = await start({ memoryBytes: 100_000, clock, checkMs: 1000, pipeline: { timeout: '0s' } });
  const { url, heard } = started;
  const open = (): Promise<StreamClient> => openStream(`${url}/v1/enrich/test`);
  const [slow, other] = [await open(), await open()];
  slow.send(line(1).slice(0, 150_000));
  await until(() => started.memory.heldBytes > 150_000);
  other.send(line(2));
  await until(() => waiting(started) === 1);
  // It sends byte by byte: never idle, and never done.
  for (let second = 0; second < 61; second += 1) {
    const before = heard.receivedBytes;
    slow.send('x');
    await until(() => heard.receivedBytes > before || heard.outcomes.length > 0);
    await clock.advance(1000);
  }
  expect(heard.outcomes).toEqual(['stalled']);
  await slow.ended();
  await other.until(answered(2).slice(-40).trimEnd());
});

test('a slow client is not cut while no other request waits for memory', async () => {
  const clock = virtualClock();
  const { url, heard, memory } = await start({ memoryBytes: 100_000, clock, checkMs: 1000 });
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(line(1).slice(0, 150_000));
  await until(() => memory.heldBytes > 140_000);
  for (let second = 0; second < 100; second += 1) {
    const before = heard.receivedBytes;
    client.send('x');
    await until(() => heard.receivedBytes > before);
    await clock.advance(1000);
  }
  expect(heard.outcomes).toEqual([]);
});

describe('a body of one record', () => {
  const small = { memoryBytes: 300_000, pipeline: { timeout: '0s' } };

  test.each(['enrich', 'explain'])('of %s waits for memory like a stream, and completes', async (route) => {
    const started = await start(small);
    const { url, downstream, memory } = started;
    downstream.hold = true;
    const stream = streamed(url, [1, 2]);
    await until(() => memory.heldBytes > 300_000);
    const record = fetch(`${url}/v1/${route}/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: line(3),
    });
    await until(() => started.streams.describe().some(({ mode }) => mode !== 'ordered'));
    downstream.hold = false;
    for (const call of downstream.held.splice(0)) call.answer({ found: call.key });
    const answer = await record;
    expect(answer.status).toBe(200);
    // Over HTTP/2 the service holds what the client does not read.
    await answer.arrayBuffer();
    expect(await stream).toBe(answered(1) + answered(2));
    await until(() => memory.heldBytes === 0);
  });

  test('frees its memory when its client leaves', async () => {
    const { url, memory, streams } = await start(small);
    const json = { 'content-type': 'application/json', 'content-length': '500000' };
    const client = await openStream(`${url}/v1/enrich/test`, json);
    client.send('x'.repeat(100_000));
    await until(() => memory.heldBytes >= 100_000);
    client.leave();
    await until(() => streams.size === 0);
    expect(memory.heldBytes).toBe(0);
  });
});
