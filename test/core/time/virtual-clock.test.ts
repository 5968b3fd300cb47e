import { describe, expect, test } from 'vitest';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';

/** One after another: a promise job, then a later turn, `count` times. */
async function chain(count: number): Promise<void> {
  for (let link = 0; link < count; link++) {
    await Promise.resolve();
    await laterTurn();
  }
}

describe('virtual clock', () => {
  test('timers fire in order of time, ties in order of arming; now() is the time that each was set for', async () => {
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

  test.each([1, 3, 4, 50])(
    '%i promise jobs and turns that a timer started run before the next timer',
    async (count) => {
      const clock = virtualClock();
      const seen: string[] = [];
      clock.setTimer(10, () => void chain(count).then(() => seen.push('settled')));
      clock.setTimer(20, () => seen.push('next'));
      await clock.advance(20);
      expect(seen).toEqual(['settled', 'next']);
    },
  );

  test('when advance resolves, work from before the call has settled, and so has work that the last timer started', async () => {
    const clock = virtualClock();
    const seen: string[] = [];
    void chain(5).then(() => seen.push(`before, at ${clock.now()}`));
    clock.setTimer(10, () => void chain(5).then(() => seen.push(`last, at ${clock.now()}`)));
    await clock.advance(10);
    expect(seen).toEqual(['before, at 0', 'last, at 10']);
  });

  test('two clocks that are advanced at once do not wait for each other', async () => {
    const [one, other] = [virtualClock(), virtualClock()];
    await Promise.all([one.advance(5), other.advance(5)]);
    expect([one.now(), other.now()]).toEqual([5, 5]);
  });

  test('a timer that throws rejects the advance, and the next advance fires the others', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    clock.setTimer(5, () => {
      throw new Error('thrown by a timer');
    });
    clock.setTimer(5, () => fired.push('other'));
    await expect(clock.advance(5)).rejects.toThrow('thrown by a timer');
    await clock.advance(0);
    expect(fired).toEqual(['other']);
  });

  test('a timer that a timer arms fires in the same advance if it is due', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    clock.setTimer(5, () => clock.setTimer(5, () => fired.push(clock.now())));
    await clock.advance(10);
    expect(fired).toEqual([10]);
  });

  test('a disarmed timer does not fire, and disarming it twice does not disarm another', async () => {
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

  test.each([-1, Number.NaN, undefined as unknown as number])('refuses to advance by %o', async (ms) => {
    const clock = virtualClock(100);
    await expect(clock.advance(ms)).rejects.toThrow(TypeError);
    expect(clock.now()).toBe(100);
  });
});
