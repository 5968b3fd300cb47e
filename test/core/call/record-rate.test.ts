import { describe, expect, test } from 'vitest';
import { RecordRate } from '../../../src/core/call/record-rate.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';

/** A stream that always has a record, and notes the time of each record that it may send. */
function endless(rate: RecordRate, now: () => number) {
  const times: number[] = [];
  const go = (): void => {
    while (rate.take()) times.push(now());
    rate.wait(go);
  };
  return { times, go };
}

describe('the records of all streams of a token', () => {
  test('are as many in a second as the rate says, after those of a tenth of a second at once', async () => {
    const clock = virtualClock();
    const rate = new RecordRate(clock, 50);
    const { times, go } = endless(rate, () => clock.now());
    go();
    expect(times).toHaveLength(5);
    await clock.advance(10_000);
    expect(times).toHaveLength(505);
    expect(clock.timers).toBe(1);
    rate.leave(go);
    expect(clock.timers).toBe(0);
  });

  test('are shared by the streams in turn', async () => {
    const clock = virtualClock();
    const rate = new RecordRate(clock, 10);
    const streams = [1, 2, 3].map(() => endless(rate, () => clock.now()));
    for (const { go } of streams) go();
    await clock.advance(3000);
    for (const { times } of streams) expect(times.length).toBeGreaterThanOrEqual(10);
    expect(streams.reduce((sum, { times }) => sum + times.length, 0)).toBe(31);
  });

  test('go on at the new rate after a change, without a burst', async () => {
    const clock = virtualClock();
    const rate = new RecordRate(clock, 1);
    const { times, go } = endless(rate, () => clock.now());
    go();
    expect(rate.backlogMs).toBe(2000);
    rate.setPerSecond(1000);
    await clock.advance(1000);
    expect(times.length).toBeGreaterThan(900);
    expect(times.length).toBeLessThanOrEqual(1101);
  });

  test('of a stream that has left are not waited for', async () => {
    const clock = virtualClock();
    const rate = new RecordRate(clock, 1);
    const [gone, other] = [endless(rate, () => clock.now()), endless(rate, () => clock.now())];
    gone.go();
    other.go();
    rate.leave(gone.go);
    await clock.advance(5000);
    expect([gone.times.length, other.times.length]).toEqual([1, 5]);
  });

  test('that would wait have a known time to wait', async () => {
    const clock = virtualClock();
    const rate = new RecordRate(clock, 2);
    expect(rate.backlogMs).toBe(0);
    expect(rate.take()).toBe(true);
    expect(rate.backlogMs).toBe(500);
    rate.wait(() => {});
    expect(rate.backlogMs).toBe(1000);
    expect(rate.take()).toBe(false);
    await clock.advance(1000);
    expect(rate.take()).toBe(true);
  });
});
