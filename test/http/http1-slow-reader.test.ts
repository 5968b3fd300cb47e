import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { type KernelQueues, procQueues } from '../../src/http/connection/kernel-queues.ts';
import { start } from './start.ts';
import { connectTo } from './spoken.ts';

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
  'over HTTP/1.1 a reader at $bytesPerSecond bytes a second is not cut, until it stops: $stallTimeout',
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
