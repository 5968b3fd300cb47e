import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { type KernelQueues, noQueues, type QueuedBytes } from '../../../src/http/connection/kernel-queues.ts';
import { StallWatch } from '../../../src/http/connection/stall-watch.ts';

/** Queues that the test sets. */
class ScriptedQueues implements KernelQueues {
  readonly unsent = new Map<Socket, number>();
  /** Bytes of each connection that have arrived and are not read. */
  unread = 0;
  reads: (readonly Socket[])[] = [];

  read(sockets: readonly Socket[]): Promise<ReadonlyMap<Socket, QueuedBytes>> {
    this.reads.push(sockets);
    return Promise.resolve(
      new Map([...this.unsent].map(([socket, unsent]) => [socket, { unsent, unread: this.unread }])),
    );
  }
}

class Response {
  readonly socket = new Socket();
  readonly timeoutMs: number;
  held = 300_000;
  stalls = 0;

  constructor(timeoutMs = 60_000) {
    this.timeoutMs = timeoutMs;
  }

  heldBytes(): number {
    return this.held;
  }

  stalled(): void {
    this.stalls += 1;
  }
}

test('a response of which nothing is read stalls after its timeout, at most a quarter of it late and never early', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const response = new Response();
  queues.unsent.set(response.socket, 4_000_000);
  new StallWatch(clock, queues).watch(response);
  await clock.advance(60_000);
  expect(response.stalls).toBe(0);
  await clock.advance(15_000);
  expect(response.stalls).toBe(1);
  expect(clock.timers).toBe(0);
});

test.each([
  ['10 kB/s in steps of 95 kB', 60_000, 95_232, 10_000],
  ['400 kB/s in steps of 314 kB', 3000, 313_856, 400_000],
])(
  'a reader at %s is never cut, although the bytes that this process holds do not shrink',
  async (_, timeoutMs, step, rate) => {
    const clock = virtualClock();
    const queues = new ScriptedQueues();
    const response = new Response(timeoutMs);
    const { socket } = response;
    queues.unsent.set(socket, 4_000_000);
    new StallWatch(clock, queues).watch(response);
    for (let read = 0; read < 30 * step; read += step) {
      await clock.advance((1000 * step) / rate);
      const left = (queues.unsent.get(socket) ?? 0) - step;
      // The kernel takes more bytes from this process when a third of its buffer is free.
      queues.unsent.set(socket, left < 2_700_000 ? 4_000_000 : left);
    }
    expect(response.stalls).toBe(0);
    await clock.advance(1.25 * timeoutMs);
    expect(response.stalls).toBe(1);
  },
);

test('without the queues of the kernel, the bytes that this process holds decide', async () => {
  const clock = virtualClock();
  const response = new Response();
  new StallWatch(clock, noQueues).watch(response);
  await clock.advance(59_000);
  response.held = 40_000;
  await clock.advance(60_000);
  expect(response.stalls).toBe(0);
  await clock.advance(15_000);
  expect(response.stalls).toBe(1);
});

test('a connection that one read of the kernel does not show has not moved, and is still watched', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const response = new Response();
  queues.unsent.set(response.socket, 5);
  new StallWatch(clock, queues).watch(response);
  await clock.advance(30_000);
  queues.unsent.clear();
  await clock.advance(15_000);
  queues.unsent.set(response.socket, 5);
  expect(response.stalls).toBe(0);
  await clock.advance(30_000);
  expect(response.stalls).toBe(1);
});

test('responses that wait for a short time cost no read, and all others together cost one', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const stalls = new StallWatch(clock, queues);
  for (let short = 0; short < 100; short += 1) {
    const unwatch = stalls.watch(new Response());
    await clock.advance(1000);
    unwatch();
  }
  expect([queues.reads.length, clock.timers]).toEqual([0, 0]);
  const slow = Array.from({ length: 50 }, () => new Response());
  for (const response of slow) stalls.watch(response);
  await clock.advance(30_000);
  expect(queues.reads.map((sockets) => sockets.length)).toEqual([50, 50, 50, 50]);
});

test('the kernel is not read again while it is being read, nor for four times as long after that', async () => {
  const clock = virtualClock();
  const reads: (() => void)[] = [];
  const queues: KernelQueues = {
    read: () => new Promise((resolve) => reads.push(() => resolve(new Map()))),
  };
  const response = new Response(8000);
  new StallWatch(clock, queues).watch(response);
  await clock.advance(2000);
  expect(reads).toHaveLength(1);
  reads[0]?.();
  // The read took one second: the checks at 3, 4 and 5 seconds come too early.
  await clock.advance(3900);
  expect(reads).toHaveLength(1);
  await clock.advance(200);
  expect(reads).toHaveLength(2);
});

test('a slow read that waits for those of other callers delays a stall by no more than a quarter of the timeout', async () => {
  const clock = virtualClock();
  const response = new Response(8000);
  let unsent = 4_000_000;
  const queues: KernelQueues = {
    read: async (_, begins) => {
      await new Promise<void>((resolve) => void clock.setTimer(1400, resolve));
      begins?.();
      await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
      return new Map([[response.socket, { unsent, unread: 0 }]]);
    },
  };
  new StallWatch(clock, queues).watch(response);
  await clock.advance(8000);
  unsent -= 95_232;
  await clock.advance(8000);
  expect(response.stalls).toBe(0);
  await clock.advance(2000);
  expect(response.stalls).toBe(1);
});

test('a response that is no longer watched has not stalled, even while the kernel is being read', async () => {
  const clock = virtualClock();
  const answers: (() => void)[] = [];
  const queues: KernelQueues = {
    read: () => new Promise((resolve) => answers.push(() => resolve(new Map()))),
  };
  const response = new Response(8000);
  const unwatch = new StallWatch(clock, queues).watch(response);
  await clock.advance(9000);
  unwatch();
  for (const answer of answers) answer();
  await clock.advance(60_000);
  expect([response.stalls, clock.timers]).toEqual([0, 0]);
});

/** A response whose client may read nothing before it has sent everything. */
class HalfDuplex extends Response {
  deadlocks = 0;
  readonly deadlock = { afterMs: 2000, found: () => void (this.deadlocks += 1) };
}

test('a client that sends and reads nothing for two seconds is in a deadlock, which is reported once', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const response = new HalfDuplex();
  queues.unsent.set(response.socket, 4_000_000);
  queues.unread = 1;
  const unwatch = new StallWatch(clock, queues).watch(response);
  await clock.advance(2000);
  expect(response.deadlocks).toBe(0);
  await clock.advance(500);
  expect(response.deadlocks).toBe(1);
  await clock.advance(50_000);
  expect([response.deadlocks, response.stalls]).toEqual([1, 0]);
  await clock.advance(10_000);
  expect(response.stalls).toBe(1);
  unwatch();
  expect(clock.timers).toBe(0);
});

test.each([
  ['sends nothing', 0, 0],
  ['reads 100 kB/s in steps of 108 kB', 1, 1080],
  ['reads a little every two seconds', 1, 2000],
])('a client that %s is not in a deadlock', async (_, unread, stepMs) => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const response = new HalfDuplex();
  queues.unsent.set(response.socket, 4_000_000);
  queues.unread = unread;
  new StallWatch(clock, queues).watch(response);
  for (let step = 1; step <= 25; step += 1) {
    await clock.advance(stepMs === 0 ? 2000 : stepMs);
    if (stepMs > 0) queues.unsent.set(response.socket, 4_000_000 - step);
  }
  expect(response.deadlocks).toBe(0);
});

test('a client whose bytes are read now and then is not in a deadlock', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const response = new HalfDuplex();
  queues.unsent.set(response.socket, 4_000_000);
  new StallWatch(clock, queues).watch(response);
  for (let second = 0; second < 20; second += 1) {
    queues.unread = second % 2;
    await clock.advance(1000);
  }
  expect(response.deadlocks).toBe(0);
});

test('a response that may be in a deadlock is checked in time although others are checked seldom', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const stalls = new StallWatch(clock, queues);
  const response = new HalfDuplex();
  queues.unsent.set(response.socket, 4_000_000);
  queues.unread = 1;
  stalls.watch(new Response());
  stalls.watch(response);
  await clock.advance(2500);
  expect(response.deadlocks).toBe(1);
});

test('a protocol with flow control of its own knows itself whether the client still sends', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const waiting = Object.assign(new HalfDuplex(), { stillSends: () => true });
  const reading = Object.assign(new HalfDuplex(), { stillSends: () => false });
  const watch = new StallWatch(clock, queues);
  watch.watch(waiting);
  watch.watch(reading);
  await clock.advance(3000);
  expect([waiting.deadlocks, reading.deadlocks]).toEqual([1, 0]);
});

test('beside other responses of its connection, a response has stalled only when the client has taken all that was written before', async () => {
  const clock = virtualClock();
  const queues = new ScriptedQueues();
  const connection = { written: 8_000_000 };
  const response = Object.assign(new Response(), { connectionBytes: () => connection.written });
  queues.unsent.set(response.socket, 4_000_000);
  new StallWatch(clock, queues).watch(response);
  // The client takes what stands before, for five minutes; another response writes as much.
  for (let taken = 0; taken < 30; taken++) {
    await clock.advance(10_000);
    connection.written += 100_000;
  }
  expect(response.stalls).toBe(0);
  // From now on it takes only bytes that were written later, and nothing of this response.
  for (let taken = 0; taken < 30; taken++) {
    await clock.advance(10_000);
    connection.written += 1_000_000;
  }
  expect(response.stalls).toBe(1);
});
