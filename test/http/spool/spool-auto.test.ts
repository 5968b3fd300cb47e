import { describe, expect, test, vi } from 'vitest';
import { filled, mebibyte, open, read } from './opened-spool.ts';

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
