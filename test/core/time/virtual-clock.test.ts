import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';

describe('virtual clock', () => {
  test('timers fire in order of time, ties in order of arming, and see the time they were set for', async () => {
    const clock = virtualClock(1000);
    const fired: string[] = [];
    for (const [name, ms] of [
      ['late', 30],
      ['first', 10],
      ['tie', 10],
      ['never', 31],
    ] as const) {
      clock.setTimer(ms, () => fired.push(`${name} ${clock.now()}`));
    }
    await clock.advance(30);
    expect(fired).toEqual(['first 1010', 'tie 1010', 'late 1030']);
    expect(clock.now()).toBe(1030);
    expect(clock.timers).toBe(1);
  });

  test('a timer fires when now equals its due time, and not before', async () => {
    const clock = virtualClock();
    let fired = false;
    clock.setTimer(10, () => (fired = true));
    await clock.advance(9);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  test('what a timer started has settled before the next one fires', async () => {
    const clock = virtualClock();
    const seen: string[] = [];
    clock.setTimer(10, () => {
      void Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => seen.push('settled'));
    });
    clock.setTimer(20, () => seen.push('next'));
    await clock.advance(20);
    expect(seen).toEqual(['settled', 'next']);
  });

  test('a timer that a timer arms fires in the same advance if it is due', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    clock.setTimer(5, () => clock.setTimer(5, () => fired.push(clock.now())));
    await clock.advance(10);
    expect(fired).toEqual([10]);
  });

  test('a disarmed timer does not fire, and disarming twice takes no other', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    const disarm = clock.setTimer(5, () => fired.push('disarmed'));
    clock.setTimer(5, () => fired.push('kept'));
    disarm();
    disarm();
    expect(clock.timers).toBe(1);
    await clock.advance(5);
    expect(fired).toEqual(['kept']);
  });

  test.each([-1, Number.NaN, undefined as unknown as number])('does not go back, nor anywhere by %o', async (ms) => {
    const clock = virtualClock(100);
    await expect(clock.advance(ms)).rejects.toThrow(TypeError);
    expect(clock.now()).toBe(100);
  });
});
