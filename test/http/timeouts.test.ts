import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { type KernelQueues, procQueues } from '../../src/http/connection/kernel-queues.ts';
import { enriched, records, start } from './start.ts';
import { connectTo } from './spoken.ts';
import { WireClient } from './wire-client.ts';

test('a stream whose client sends nothing is cut after idleTimeout', async () => {
  const clock = virtualClock();
  const { port, heard } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  await clock.advance(59_000);
  expect(heard.outcomes).toEqual([]);
  await clock.advance(2000);
  expect(heard.outcomes).toEqual(['stalled']);
  await client.untilEnded();
  expect(client.received).not.toContain('Millrace-Status: complete');
});

test('a stream that waits for its lookups is not idle', async () => {
  const clock = virtualClock();
  const { port, downstream, heard } = await start({ clock, checkMs: 1000, pipeline: { timeout: '0s' } });
  downstream.hold = true;
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await downstream.until(() => downstream.held.length === 1);
  await clock.advance(600_000);
  downstream.held[0]?.answer({ found: '1' });
  await client.until(enriched(1));
  await clock.advance(30_000);
  expect(heard.outcomes).toEqual([]);
});

test('a stream whose response is not read ends after stallTimeout', async () => {
  const clock = virtualClock();
  const { port, heard, streams } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.socket.pause();
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  const block = `{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10);
  const sendMore = (): void => {
    while (!client.socket.destroyed && !client.socket.writableNeedDrain) client.chunk(block);
  };
  client.socket.on('drain', sendMore);
  sendMore();
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  await clock.advance(62_000);
  expect(heard.outcomes).toEqual(['stalled']);
  expect(streams.size).toBe(0);
  expect(clock.timers).toBe(0);
});

/** The real queues of the kernel, and whether they are being read. */
class WaitedQueues implements KernelQueues {
  readonly #queues = procQueues();
  reading: Promise<unknown> = Promise.resolve();

  read(sockets: readonly Socket[]): ReturnType<KernelQueues['read']> {
    const reading = this.#queues.read(sockets);
    this.reading = reading;
    return reading;
  }
}

test.each([
  { stallTimeout: '60s', bytesPerSecond: 10_000 },
  { stallTimeout: '3s', bytesPerSecond: 400_000 },
])(
  'a reader at $bytesPerSecond bytes a second is not cut, until it stops: $stallTimeout',
  async (given) => {
    // Without /proc only the bytes of this process are visible; they shrink in steps of more than a megabyte.
    const bytesPerSecond = existsSync('/proc/net/tcp') ? given.bytesPerSecond : 10 * given.bytesPerSecond;
    const clock = virtualClock();
    const queues = new WaitedQueues();
    const limits = { stallTimeout: given.stallTimeout };
    const { port, heard, streams, config } = await start({ clock, checkMs: 1000, queues, limits });
    const { socket: client } = connectTo(port);
    onTestFinished(() => void client.destroy());
    client.on('error', () => {});
    // In paused mode: unread bytes stay in the kernel, except one buffer.
    client.on('readable', () => {});
    client.write('POST /v1/enrich/test?duplex=full HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const block = Buffer.from(`{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10));
    const sendMore = (): void => {
      while (!client.destroyed && !client.writableNeedDrain) {
        client.write(`${block.byteLength.toString(16)}\r\n`);
        client.write(block);
        client.write('\r\n');
      }
    };
    client.on('drain', sendMore);
    sendMore();
    while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
    const { stallTimeout } = config.server.limits;
    const lookMs = stallTimeout / 8;
    let readBytes = 0;
    for (let elapsedMs = lookMs; elapsedMs <= 6 * stallTimeout; elapsedMs += lookMs) {
      while (readBytes < (elapsedMs * bytesPerSecond) / 1000) {
        readBytes += (client.read() as Buffer | null)?.byteLength ?? 0;
        await turn();
      }
      await clock.advance(lookMs);
      await queues.reading;
    }
    expect(heard.outcomes).toEqual([]);
    for (let looks = 0; looks < 20 && heard.outcomes.length === 0; looks += 1) {
      await clock.advance(lookMs);
      await queues.reading;
      await turn();
    }
    expect(heard.outcomes).toEqual(['stalled']);
    expect(clock.timers).toBe(0);
  },
  60_000,
);

test('a stream whose client sends nothing is not idle while the client reads the rest of the response', async () => {
  const clock = virtualClock();
  let unsent = 4_000_000;
  const queues: KernelQueues = {
    read: (sockets) => Promise.resolve(new Map(sockets.map((socket) => [socket, { unsent, unread: 0 }]))),
  };
  const { port, heard } = await start({ clock, checkMs: 1000, queues });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  for (let minute = 0; minute < 5; minute += 1) {
    unsent -= 600_000;
    await clock.advance(60_000);
  }
  expect(heard.outcomes).toEqual([]);
  await clock.advance(122_000);
  expect(heard.outcomes).toEqual(['stalled']);
});

test('a slow reader gets everything that was written before a cut, however long it takes', async () => {
  const clock = virtualClock();
  const { port, streams, heard } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.socket.pause();
  client.head('/v1/enrich/test?control=true', 'Transfer-Encoding: chunked');
  const block = `{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10);
  const sendMore = (): void => {
    while (!client.socket.destroyed && !client.socket.writableNeedDrain) client.chunk(block);
  };
  client.socket.on('drain', sendMore);
  sendMore();
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  client.socket.off('drain', sendMore);
  client.keepChars = 10_000;
  streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
  expect(heard.outcomes).toEqual(['drained']);
  await clock.advance(59_000);
  client.socket.resume();
  await client.until('{"$fatal":');
  await client.untilEnded();
  expect(client.received).toMatch(/\{"\$fatal":.*"code":"draining".*\}\n\r\n$/);
});

test('an answer other than a stream that is not read also ends after stallTimeout', async () => {
  const clock = virtualClock();
  const { port } = await start({ clock });
  const client = await WireClient.open(port);
  client.socket.pause();
  const answers = Array.from({ length: 200 }, () => 'GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.write(answers.join(''));
  let unread = 0;
  while (clock.timers === 0 || unread < 100) {
    unread = clock.timers === 0 ? 0 : unread + 1;
    await turn();
  }
  await clock.advance(75_000);
  client.socket.resume();
  await client.untilClosed();
  expect(client.received.split('HTTP/1.1 200 OK').length - 1).toBeLessThan(200);
  expect(clock.timers).toBe(0);
});

test('no timer is left when the last stream has ended', async () => {
  const clock = virtualClock();
  const { url } = await start({ clock });
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body: new TextEncoder().encode(records(1)) });
  expect(await response.text()).toBe(enriched(1));
  expect(clock.timers).toBe(0);
});

test('the head of a request has to arrive within headersTimeout', async () => {
  const { port } = await start({ limits: { headersTimeout: '50ms' } });
  const client = await WireClient.open(port);
  client.write('POST /v1/enrich/test HTTP/1.1\r\nHost: te');
  await client.untilEnded();
  expect(client.received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
});
