import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, asyncProperty, constantFrom, integer, record, tuple } from 'fast-check';
import { afterAll, expect, test, vi } from 'vitest';
import type { RequestError } from '../../../src/core/errors.ts';
import { SpoolQueue } from '../../../src/http/spool/spool-queue.ts';
import { SpoolSpace } from '../../../src/http/spool/spool-space.ts';
import { filesOf } from './files-of.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-spool-queue-'));
afterAll(() => rmSync(dir, { recursive: true }));

const mebibyte = 1024 ** 2;

interface Opened {
  readonly queue: SpoolQueue;
  readonly failed: RequestError[];
}

function spaceOf(limits: { stream?: number; total?: number } = {}): SpoolSpace {
  const { stream = 1024 * mebibyte, total = 1024 * mebibyte } = limits;
  return new SpoolSpace(() => ({ dir, streamBytes: stream, totalBytes: total }));
}

function open(space: SpoolSpace): Opened {
  const failed: RequestError[] = [];
  return { queue: new SpoolQueue(space, { changed: () => {}, failed: (error) => void failed.push(error) }), failed };
}

async function push({ queue }: Opened, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= mebibyte / 4) {
    await vi.waitUntil(() => queue.hasRoom, { interval: 1, timeout: 60_000 });
    queue.push(Buffer.alloc(Math.min(left, mebibyte / 4), 'a'));
  }
}

/** Takes bytes until so many wait no longer. */
async function take({ queue }: Opened, bytes: number): Promise<void> {
  const until = queue.bytes - bytes;
  await vi.waitUntil(
    () => {
      while (queue.bytes > until) if (queue.take() === undefined) return false;
      return true;
    },
    { interval: 1, timeout: 60_000 },
  );
}

/** All that was to be written is in files, and all files to be closed are closed. */
async function settled(space: SpoolSpace): Promise<void> {
  await vi.waitUntil(() => filesOf(dir).bytes === space.gauges.diskBytes, { timeout: 60_000 });
}

test('what is on disk is what counts, and what was read gives its room back while more waits', async () => {
  const space = spaceOf();
  const opened = open(space);
  await push(opened, 64 * mebibyte);
  await vi.waitUntil(() => opened.queue.heldBytes <= mebibyte / 4, { timeout: 60_000 });
  await settled(space);
  expect(space.gauges.bytes).toBe(64 * mebibyte);
  expect(space.gauges.diskBytes).toBeGreaterThan(63 * mebibyte);
  for (let waits = 56; waits >= 0; waits -= 8) {
    await take(opened, 8 * mebibyte);
    await settled(space);
    expect(opened.queue.bytes).toBe(waits * mebibyte);
    // More counts than waits by a part of one file. The longest one has an eighth of all, and what was written at once.
    expect(space.gauges.bytes).toBeGreaterThanOrEqual(waits * mebibyte);
    // A file that was read to its end is closed a moment later.
    await vi.waitUntil(() => space.gauges.bytes < (waits + 64 / 8 + 2) * mebibyte, { timeout: 60_000 });
  }
  await vi.waitUntil(() => filesOf(dir).count === 0 && space.gauges.bytes === 0, { timeout: 60_000 });
  expect([space.gauges.bytes, space.gauges.diskBytes, filesOf(dir).count]).toEqual([0, 0, 0]);
});

test('a gibibyte is in some 40 files', async () => {
  const space = spaceOf({ stream: 2048 * mebibyte, total: 2048 * mebibyte });
  let [files, disk] = [0, 0];
  for (let last = 0; disk < 1024 * mebibyte; last += mebibyte, disk += mebibyte) {
    if (files > 0 && last < space.fileBytes(disk)) continue;
    files += 1;
    last = 0;
  }
  expect(files).toBeLessThan(45);
});

test('a stream passes many times its limit, if what waits at a time is little', async () => {
  const space = spaceOf({ stream: 2 * mebibyte });
  const opened = open(space);
  await push(opened, mebibyte);
  for (let round = 0; round < 20; round++) {
    await take(opened, mebibyte / 2);
    await push(opened, mebibyte / 2);
  }
  expect(opened.failed).toEqual([]);
  opened.queue.close();
  await vi.waitUntil(() => space.gauges.bytes === 0);
});

test('a stream keeps up to 256 KiB in memory, and nothing once all streams together keep 16 MiB', async () => {
  const space = spaceOf();
  const few = Array.from({ length: 60 }, () => open(space));
  for (const { queue } of few) queue.push(Buffer.alloc(mebibyte / 4));
  expect([space.gauges.bytes, space.gauges.diskBytes]).toEqual([15 * mebibyte, 0]);
  const many = Array.from({ length: 60 }, () => open(space));
  for (const { queue } of many) queue.push(Buffer.alloc(mebibyte / 8));
  const held = (): number => [...few, ...many].reduce((sum, { queue }) => sum + queue.heldBytes, 0);
  await vi.waitUntil(() => space.gauges.diskBytes > 0 && held() <= 16.25 * mebibyte, { timeout: 60_000 });
  expect(held()).toBeGreaterThan(15 * mebibyte);
  await settled(space);
  expect(space.gauges.bytes - space.gauges.diskBytes).toBe(held());
  for (const { queue } of [...few, ...many]) queue.close();
  await vi.waitUntil(() => space.gauges.bytes === 0);
});

test('bytes over the limit of a stream are not written to the disk', async () => {
  const space = spaceOf({ stream: 3 * mebibyte });
  const opened = open(space);
  opened.queue.push(Buffer.alloc(2 * mebibyte));
  // The file is being made.
  opened.queue.push(Buffer.alloc(2 * mebibyte));
  expect(opened.failed).toHaveLength(1);
  await take(opened, 4 * mebibyte);
  expect([space.gauges.diskBytes, filesOf(dir).bytes]).toEqual([0, 0]);
  expect(space.gauges.bytes).toBe(0);
  opened.queue.close();
});

test('however many streams spool, are read and end, there is never more on disk than counts, nor than the total', async () => {
  const total = 12 * mebibyte;
  const zeros = Buffer.alloc(2 * mebibyte);
  const step = record({
    stream: integer({ min: 0, max: 3 }),
    does: constantFrom('push', 'push', 'push', 'take', 'close'),
    bytes: integer({ min: 1, max: zeros.byteLength }),
  });
  let most = 0;
  await assert(
    asyncProperty(array(tuple(step, integer({ min: 0, max: 3 })), { minLength: 20, maxLength: 60 }), async (steps) => {
      const space = spaceOf({ total });
      const streams = Array.from({ length: 4 }, () => open(space));
      for (const [{ stream, does, bytes }, turns] of steps) {
        const opened = streams[stream] ?? open(space);
        if (does === 'take')
          for (let taken = 0; taken < bytes;) {
            const chunk = opened.queue.take();
            if (chunk === undefined) break;
            taken += chunk.byteLength;
          }
        else if (does === 'push' && opened.failed.length === 0) opened.queue.push(zeros.subarray(0, bytes));
        else if (does === 'close' || opened.failed.length > 0) {
          opened.queue.close();
          streams[stream] = open(space);
        }
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        const { diskBytes, bytes: counted } = space.gauges;
        const real = filesOf(dir).bytes;
        most = Math.max(most, real);
        expect(real).toBeLessThanOrEqual(diskBytes);
        expect(diskBytes).toBeLessThanOrEqual(Math.min(counted, total));
      }
      for (const { queue } of streams) queue.close();
      await vi.waitUntil(() => space.gauges.bytes === 0, { interval: 1, timeout: 60_000 });
      expect([space.gauges.diskBytes, filesOf(dir).count]).toEqual([0, 0]);
    }),
    { numRuns: 15 },
  );
  // Otherwise the test would prove nothing.
  expect(most).toBeGreaterThan(total / 2);
});

test(
  'streams that spool at the same time share memory, and each gets its own bytes, in order',
  { timeout: 120_000 },
  async () => {
    const space = spaceOf();
    const streams = Array.from({ length: 5 }, () => ({
      ...open(space),
      pushed: createHash('sha256'),
      taken: createHash('sha256'),
      left: 40,
    }));
    while (streams.some(({ queue, left }) => left > 0 || queue.bytes > 0)) {
      for (const stream of streams) {
        const { queue, pushed, taken } = stream;
        // All of them push at first, and take while they push later on.
        if (stream.left > 0 && queue.hasRoom) {
          const bytes = randomBytes(200_000);
          pushed.update(bytes);
          queue.push(bytes);
          stream.left -= 1;
        }
        const next = stream.left < 20 ? queue.take() : undefined;
        if (next !== undefined) taken.update(next);
      }
      await new Promise(setImmediate);
    }
    for (const { pushed, taken, queue } of streams) {
      expect(taken.digest('hex')).toBe(pushed.digest('hex'));
      queue.close();
    }
  },
);
