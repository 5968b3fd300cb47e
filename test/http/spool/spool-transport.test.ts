import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { array, assert, asyncProperty, constantFrom, integer, oneof, record } from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { dir, files, filled, mebibyte, open, read } from './opened-spool.ts';

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
