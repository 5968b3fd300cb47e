import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Http2Client, sessionTo } from './http2-client.ts';
import { start } from './start.ts';

const KiB = 1024;
const echo = { pipeline: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }] } };
const block = `{"key":"1","more":"${'x'.repeat(1000)}"}\n`.repeat(40);
const blocks = 30;

test.each([
  ['one connection', 1, 60],
  ['many connections', 20, 2],
])(
  'streams of %s that are not read hold a bounded part of their bodies, and another stream completes',
  async (_, connections, each) => {
    const started = await start(echo);
    const sessions = Array.from({ length: connections }, () => sessionTo(started));
    const stalled = sessions.flatMap((session) => {
      return Array.from({ length: each }, () => new Http2Client(session, '/v1/enrich/test?duplex=full'));
    });
    for (const { stream } of stalled) {
      stream.pause();
      for (let sent = 0; sent < blocks; sent += 1) stream.write(block);
      stream.end();
    }
    const waiting = (): number =>
      started.streams.describe().filter(({ backpressure }) => backpressure === 'slow_reader').length;
    while (waiting() < stalled.length) await turn();

    const [first] = sessions;
    if (first === undefined) throw new Error('there is no session');
    const sibling = new Http2Client(first, '/v1/enrich/test');
    const text = block.repeat(100);
    sibling.stream.end(text);
    expect(await sibling.untilClosed()).toBe(0);
    expect(sibling.received === text).toBe(true);

    // What the clients have sent and no stream has taken waits in the service; the windows bound it.
    const sentBytes = sessions.reduce((sum, { socket }) => sum + socket.bytesWritten, 0) - text.length;
    const streams = started.streams.describe();
    const takenBytes = streams.reduce((sum, { receivedBytes }) => sum + Number(receivedBytes), 0);
    expect(sentBytes - takenBytes).toBeLessThan(stalled.length * 336 * KiB);
    expect(started.memory.heldBytes).toBeLessThan(stalled.length * 1024 * KiB);

    const ends = stalled.map((client) => once(client.stream, 'end'));
    for (const { stream } of stalled) stream.resume();
    await Promise.all(ends);
    const whole = block.repeat(blocks);
    expect(stalled.filter(({ received }) => received !== whole)).toEqual([]);
    expect(stalled.filter(({ trailers }) => trailers?.['millrace-status'] !== 'complete')).toEqual([]);
  },
);
