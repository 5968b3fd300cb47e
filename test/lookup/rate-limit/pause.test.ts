import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Pause } from '../../../src/lookup/rate-limit/pause.ts';

describe('a pause', () => {
  test('closes the gate for its time, opens it with one call of the hook, and leaves no timer', async () => {
    const clock = virtualClock();
    const pause = new Pause(clock, 30_000);
    let opened = 0;
    expect(pause.open).toBe(true);
    pause.begin(2000);
    pause.whenOpen(() => void opened++);
    await clock.advance(1999);
    expect([pause.open, opened]).toEqual([false, 0]);
    expect(pause.gauges()).toEqual({ totals: { pauses: 1 }, now: { paused: 1 }, latest: { pausedMs: 1 } });
    await clock.advance(1);
    expect([pause.open, opened, clock.timers]).toEqual([true, 1, 0]);
  });

  test('lasts at most maxMs, however long the far end wants it', async () => {
    const clock = virtualClock();
    const pause = new Pause(clock, 30_000);
    pause.begin(86_400_000);
    await clock.advance(29_999);
    expect(pause.open).toBe(false);
    await clock.advance(1);
    expect(pause.open).toBe(true);
  });

  test('is not cut short by a later one that ends earlier, and is prolonged by one that ends later', async () => {
    const clock = virtualClock();
    const pause = new Pause(clock, 30_000);
    pause.begin(5000);
    pause.begin(1000);
    await clock.advance(4000);
    pause.begin(3000);
    await clock.advance(2999);
    expect(pause.open).toBe(false);
    await clock.advance(1);
    expect([pause.open, pause.gauges()]).toEqual([true, { totals: { pauses: 1 }, now: { paused: 0 } }]);
  });

  test.each([
    ['of no time', 30_000, 0],
    ['with a maximum of 0', 0, 60_000],
  ])('%s does not begin', (_, maxMs, ms) => {
    const clock = virtualClock();
    const pause = new Pause(clock, maxMs);
    pause.begin(ms);
    expect([pause.open, clock.timers, pause.gauges().totals]).toEqual([true, 0, { pauses: 0 }]);
  });

  test('that does not last calls the hook in a later turn, unless another begins before it', async () => {
    const clock = virtualClock();
    const pause = new Pause(clock, 30_000);
    let opened = 0;
    const hook = (): void => void opened++;
    pause.whenOpen(hook);
    expect(opened).toBe(0);
    await clock.advance(0);
    expect(opened).toBe(1);
    pause.whenOpen(hook);
    pause.begin(2000);
    await clock.advance(1999);
    expect(opened).toBe(1);
    await clock.advance(1);
    expect(opened).toBe(2);
  });

  test('ends when the lookup closes, and no other begins', () => {
    const clock = virtualClock();
    const pause = new Pause(clock, 30_000);
    pause.begin(2000);
    pause.close();
    pause.begin(2000);
    expect([pause.open, clock.timers]).toEqual([true, 0]);
  });
});
