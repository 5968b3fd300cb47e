import { settled } from './later-turn.ts';
import type { Clock } from './time.ts';

/** A clock that stands still until `advance` is called; for tests, as the option `clock`. */
export interface VirtualClock extends Clock {
  /**
   * Moves the time forward by `ms` milliseconds, at least 0. Each timer fires when `now >= due`, in order of time, timers
   * of the same time in order of arming.
   *
   * Before the first timer, between two of them and after the last one, everything settles: all promise jobs run, and
   * all turns of the event loop that Millrace has scheduled. Immediates that a function sets itself, real timers, input
   * and output are not counted: a test awaits them itself.
   *
   * Rejects with the error of a timer, and with a TypeError if `ms` is not a number of at least 0.
   */
  advance(ms: number): Promise<void>;
  /** Timers that are armed and have not fired. */
  readonly timers: number;
}

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/**
 * A clock for tests. `startMs` is the time at which it starts, in milliseconds; default 0.
 *
 *     const clock = virtualClock();
 *     const read = orderedWait([1], () => new Promise(() => {}), { timeout: 1000, clock }).next();
 *     await clock.advance(1000); // read rejects with code timeout
 */
export function virtualClock(startMs = 0): VirtualClock {
  let now = startMs;
  const timers: Timer[] = []; // by due, then by arming

  return {
    now: () => now,
    get timers() {
      return timers.length;
    },
    setTimer(ms, fire) {
      const timer = { due: now + Math.max(0, ms), fire };
      let place = timers.length;
      while (place > 0 && (timers[place - 1]?.due ?? 0) > timer.due) place--;
      timers.splice(place, 0, timer);
      return () => {
        const at = timers.indexOf(timer);
        if (at >= 0) timers.splice(at, 1);
      };
    },
    async advance(ms) {
      if (!(ms >= 0)) throw new TypeError(`advance: ms is milliseconds, a number of at least 0, not ${String(ms)}`);
      const until = now + ms;
      await settled();
      for (let timer = timers[0]; timer !== undefined && timer.due <= until; timer = timers[0]) {
        timers.shift();
        now = Math.max(now, timer.due);
        timer.fire();
        await settled();
      }
      now = until;
    },
  };
}
