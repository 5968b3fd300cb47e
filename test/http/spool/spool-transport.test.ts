import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, asyncProperty, constantFrom, integer, oneof, record } from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { RequestError } from '../../../src/core/errors.ts';
import type { Duplex } from '../../../src/core/vocabulary.ts';
import { SpoolSpace } from '../../../src/http/spool/spool-space.ts';
import { SpoolTransport } from '../../../src/http/spool/spool-transport.ts';
import { MemoryTransport } from '../stream/memory-transport.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-spool-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const mebibyte = 1024 ** 2;

interface Opened {
  readonly inner: MemoryTransport;
  readonly spool: SpoolTransport;
  readonly space: SpoolSpace;
  /** How often the session was called back. */
  readonly called: { ready: number; gone: number; finished: number; readonly failed: RequestError[] };
}

function open(duplex: Exclude<Duplex, 'full'>, limits: { dir?: string; stream?: number; total?: number } = {}): Opened {
  const { stream = 1024 * mebibyte, total = 1024 * mebibyte } = limits;
  const space = new SpoolSpace(() => ({ dir: limits.dir ?? dir, streamBytes: stream, totalBytes: total }));
  const inner = new MemoryTransport();
  const spool = new SpoolTransport(inner, duplex, space);
  const called: Opened['called'] = { ready: 0, gone: 0, finished: 0, failed: [] };
  spool.open(
    { headers: {}, trailers: [] },
    {
      data: () => {},
      activity: () => {},
      end: () => {},
      gone: () => void called.gone++,
      readerReady: () => void called.ready++,
      finished: () => void called.finished++,
      failed: (reason) => void called.failed.push(reason),
      defect: (error) => {
        throw error;
      },
    },
  );
  return { inner, spool, space, called };
}

/** The client reads again: the transport below has room, and says so. */
function read({ inner }: Opened): void {
  inner.hasRoom = true;
  inner.events.readerReady();
}

const files = (): number => readdirSync('/proc/self/fd').length;
const filled = (bytes: number, letter: string): Buffer => Buffer.alloc(bytes, letter);

describe('half', () => {
  test('what the client reads goes to it at once', () => {
    const opened = open('half');
    opened.spool.write('a');
    opened.spool.write(Buffer.from('b'));
    expect(opened.inner.output).toBe('ab');
    expect(opened.spool.spool).toEqual({ spooling: true, waitingBytes: 0, totalBytes: 0 });
  });

  test('what it does not read waits, in order, and has room however much it is', async () => {
    const opened = open('half');
    const { inner, spool, space } = opened;
    inner.hasRoom = false;
    for (const letter of 'abcdefgh') {
      spool.write(filled(mebibyte, letter));
      await vi.waitUntil(() => spool.hasRoom);
    }
    expect(inner.output).toBe('');
    expect(space.gauges).toMatchObject({ streams: 1, bytes: 8 * mebibyte, spooledBytes: 8 * mebibyte });
    expect(spool.heldBytes).toBe(0);
    read(opened);
    await vi.waitUntil(() => spool.spool.waitingBytes === 0);
    expect(spool.spool.totalBytes).toBe(8 * mebibyte);
    expect(
      inner.output ===
        Array.from('abcdefgh')
          .map((letter) => letter.repeat(mebibyte))
          .join(''),
    ).toBe(true);
    spool.write('z');
    expect(inner.output.endsWith('hz')).toBe(true);
  });

  test('its files have no name, and their room is free when the client is gone', async () => {
    const opened = open('half');
    const { inner, spool, space, called } = opened;
    const before = files();
    inner.hasRoom = false;
    spool.write(filled(2 * mebibyte, 'a'));
    await vi.waitUntil(() => files() > before);
    expect(readdirSync(dir)).toEqual([]);
    inner.events.gone();
    await vi.waitUntil(() => files() === before && space.gauges.bytes === 0);
    expect(space.gauges).toMatchObject({ streams: 0, bytes: 0, diskBytes: 0 });
    expect(called.gone).toBe(1);
  });

  test('its end follows the last byte that waited', async () => {
    const opened = open('half');
    const { inner, spool } = opened;
    inner.hasRoom = false;
    spool.write(filled(mebibyte, 'a'));
    spool.finish({ 'Millrace-Status': 'complete' });
    expect(inner.ends).toEqual([]);
    read(opened);
    await vi.waitUntil(() => inner.ends.length > 0);
    expect([inner.output.length, inner.ends, inner.trailers]).toEqual([
      mebibyte,
      ['finish'],
      { 'Millrace-Status': 'complete' },
    ]);
  });

  test('a cut follows it as well, and the rest of the body is dropped meanwhile', async () => {
    const opened = open('half');
    const { inner, spool } = opened;
    inner.hasRoom = false;
    spool.pause();
    spool.write(filled(mebibyte, 'a'));
    spool.cut(1000);
    expect([inner.paused, inner.ends, inner.watch?.timeoutMs]).toEqual([false, [], 1000]);
    read(opened);
    await vi.waitUntil(() => inner.ends.length > 0);
    expect([inner.output.length, inner.ends, inner.watch]).toEqual([mebibyte, ['cut'], undefined]);
  });

  test('a cut is a reset if the client reads nothing', () => {
    const { inner, spool } = open('half');
    inner.hasRoom = false;
    spool.write('a');
    spool.cut(1000);
    inner.watch?.stalled();
    expect(inner.ends).toEqual(['reset']);
  });

  test('the reader is watched from the end of the body on', () => {
    const { inner, spool } = open('half');
    spool.watchReader(1000, () => {});
    expect(inner.watch).toBeUndefined();
    inner.events.end();
    spool.watchReader(1000, () => {});
    expect(inner.watch?.timeoutMs).toBe(1000);
  });
});

describe('auto', () => {
  test('begins as full: output that is not read has no room', () => {
    const opened = open('auto');
    const { inner, spool, called } = opened;
    inner.hasRoom = false;
    expect([spool.hasRoom, spool.spool.spooling]).toEqual([false, false]);
    read(opened);
    expect(called.ready).toBe(1);
  });

  test('turns to the spool when the client still sends while it reads nothing', () => {
    const { inner, spool, space, called } = open('auto');
    inner.hasRoom = false;
    spool.watchReader(1000, () => {});
    expect(space.gauges.streams).toBe(0);
    inner.watch?.deadlock?.found();
    expect([spool.hasRoom, called.ready, space.gauges.streams]).toEqual([true, 1, 1]);
    spool.write('a');
    expect([inner.output, spool.spool]).toEqual(['', { spooling: true, waitingBytes: 1, totalBytes: 1 }]);
  });

  test('a client that reads while it still sends was slow: its output stops its input again, and the next time it is waited for four times as long', async () => {
    const opened = open('auto');
    const { inner, spool, space, called } = opened;
    let afterMs = 2000;
    for (const round of [1, 2, 3]) {
      inner.hasRoom = false;
      expect(spool.hasRoom).toBe(false);
      spool.watchReader(60_000, () => {});
      expect(inner.watch?.deadlock?.afterMs).toBe(afterMs);
      inner.watch?.deadlock?.found();
      spool.write(filled(mebibyte, 'a'));
      expect(spool.hasRoom).toBe(false);
      await vi.waitUntil(() => spool.hasRoom);
      // It takes the bytes that were sent, and a few of those that wait.
      inner.roomBytes = 1000;
      read(opened);
      expect([spool.hasRoom, space.gauges.streams]).toEqual([false, 1]);
      called.ready = 0;
      inner.roomBytes = Infinity;
      read(opened);
      await vi.waitUntil(() => called.ready > 0);
      expect([spool.hasRoom, spool.spool.spooling, space.gauges.streams]).toEqual([true, false, 0]);
      expect(inner.output.length).toBe(round * mebibyte);
      afterMs = Math.min(4 * afterMs, 30_000);
    }
  });

  test('a client that has read a little of what waits, and nothing more although it still sends, is spooled for again', () => {
    const opened = open('auto');
    const { inner, spool, called } = opened;
    inner.hasRoom = false;
    spool.watchReader(60_000, () => {});
    inner.watch?.deadlock?.found();
    spool.write(filled(100_000, 'a'));
    spool.write(filled(100_000, 'b'));
    inner.roomBytes = 1;
    read(opened);
    expect(inner.output.length).toBeLessThan(100_000);
    expect([spool.hasRoom, spool.spool.waitingBytes]).toEqual([false, 200_000 - inner.output.length]);
    spool.watchReader(60_000, () => {});
    called.ready = 0;
    inner.watch?.deadlock?.found();
    expect([called.ready, spool.hasRoom]).toEqual([1, true]);
  });

  test('a client that reads after the end of its body gets everything from the spool, which has room all the time', async () => {
    const opened = open('auto');
    const { inner, spool } = opened;
    inner.hasRoom = false;
    spool.watchReader(60_000, () => {});
    inner.watch?.deadlock?.found();
    spool.write(filled(mebibyte / 4, 'a'));
    inner.events.end();
    inner.roomBytes = 1000;
    read(opened);
    expect([spool.hasRoom, spool.spool.spooling]).toEqual([true, true]);
    inner.events.gone();
  });

  test('a spool that is nearly full stops the input until the client has read nothing for half a minute, or reads', async () => {
    const opened = open('auto', { stream: 2 * mebibyte });
    const { inner, spool, called } = opened;
    const nearlyFull = (): void => {
      inner.hasRoom = false;
      spool.watchReader(60_000, () => {});
      inner.watch?.deadlock?.found();
      spool.write(filled(1.8 * mebibyte, 'a'));
      expect(spool.hasRoom).toBe(false);
      spool.watchReader(60_000, () => {});
      expect(inner.watch?.deadlock?.afterMs).toBe(30_000);
      called.ready = 0;
    };
    nearlyFull();
    read(opened);
    await vi.waitUntil(() => !spool.spool.spooling);
    nearlyFull();
    inner.watch?.deadlock?.found();
    expect(called.ready).toBe(1);
    await vi.waitUntil(() => spool.hasRoom);
    expect(called.failed).toEqual([]);
    inner.events.gone();
  });

  test('the wait before the spool is at most half of the time after which a stalled client is cut', () => {
    const { inner, spool } = open('auto');
    spool.watchReader(1000, () => {});
    expect(inner.watch?.deadlock?.afterMs).toBe(500);
  });
});

describe('a spool that is full', () => {
  test.each([
    ['a stream', { stream: mebibyte }, 'limits.spoolBytes allows (1048576 bytes)', 'stream_full'],
    ['all streams', { total: mebibyte }, 'limits.spoolTotalBytes allows (1048576 bytes)', 'all_full'],
  ] as const)('of %s ends the stream, and what waits is still sent', async (_, limits, text, why) => {
    const opened = open('half', limits);
    const { inner, spool, space, called } = opened;
    inner.hasRoom = false;
    spool.write(filled(mebibyte, 'a'));
    spool.write('b');
    spool.write('c');
    await vi.waitUntil(() => called.failed.length > 0);
    expect(called.failed.map(({ code }) => code)).toEqual(['spool_full']);
    expect(called.failed[0]?.message).toContain(text);
    expect(space.gauges.refused[why]).toBe(1);
    spool.write('last');
    spool.cut(1000);
    read(opened);
    await vi.waitUntil(() => inner.ends.length > 0);
    expect([inner.output.slice(mebibyte - 1), inner.ends]).toEqual(['abclast', ['cut']]);
  });

  test('lets a session go on that waited for room, so that it can end', async () => {
    const opened = open('half', { dir: join(dir, 'gone') });
    const { inner, spool, called } = opened;
    inner.hasRoom = false;
    spool.write(filled(2 * mebibyte, 'a'));
    expect([spool.hasRoom, called.ready]).toEqual([false, 0]);
    await vi.waitUntil(() => called.failed.length > 0);
    await vi.waitUntil(() => called.ready === 1);
    expect(spool.hasRoom).toBe(true);
  });

  test('because its directory is gone says so, and what waits in memory is still sent', async () => {
    const opened = open('half', { dir: join(dir, 'gone') });
    const { inner, spool, space, called } = opened;
    inner.hasRoom = false;
    spool.write(filled(mebibyte, 'a'));
    await vi.waitUntil(() => called.failed.length > 0);
    expect(called.failed[0]?.message).toContain('the directory server.spool.dir does not exist (ENOENT)');
    expect(space.gauges.refused.disk).toBe(1);
    spool.cut(1000);
    read(opened);
    expect([inner.output.length, inner.ends]).toEqual([mebibyte, ['cut']]);
  });
});

test('all bytes come out once and in order, however they are written and read', async () => {
  const action = oneof(
    record({ write: integer({ min: 1, max: 600_000 }) }),
    record({ room: constantFrom(true, false) }),
    record({ deadlock: constantFrom(true) }),
    record({ turns: integer({ min: 1, max: 3 }) }),
  );
  await assert(
    asyncProperty(constantFrom('half', 'auto'), array(action, { maxLength: 40 }), async (duplex, actions) => {
      const opened = open(duplex);
      const { inner, spool, space } = opened;
      let written = '';
      let next = 0;
      for (const step of actions) {
        if ('write' in step) {
          const text = String.fromCharCode(97 + (next++ % 26)).repeat(step.write);
          written += text;
          spool.write(next % 2 === 0 ? text : Buffer.from(text));
        } else if ('room' in step) {
          inner.hasRoom = step.room;
          if (step.room) inner.events.readerReady();
        } else if ('deadlock' in step) {
          spool.watchReader(60_000, () => {});
          inner.watch?.deadlock?.found();
        } else for (let turn = 0; turn < step.turns; turn++) await new Promise(setImmediate);
      }
      spool.finish({});
      read(opened);
      await vi.waitUntil(() => inner.ends.length > 0, { interval: 1 });
      expect(inner.output === written).toBe(true);
      inner.events.finished();
      await vi.waitUntil(() => space.gauges.bytes === 0, { interval: 1 });
      expect(space.gauges).toMatchObject({ streams: 0, diskBytes: 0 });
    }),
    { numRuns: 60 },
  );
});
