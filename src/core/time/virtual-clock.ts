import { laterTurn } from './later-turn.ts';
import type { Clock } from './time.ts';

/** A clock that stands still until `advance` is called: for tests, as the option `clock`. */
export interface VirtualClock extends Clock {
  /**
   * Lets `ms` pass. Each timer fires when `now >= due`, in order of time, ties in order of arming;
   * between two of them promises and immediates run. Resolves when what the timers started has settled;
   * rejects with what a timer threw, and with TypeError for what is no time: a clock does not go back.
   */
  advance(ms: number): Promise<void>;
  /** Timers that are armed and have not fired. */
  readonly timers: number;
}

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/** One immediate drains the promises of now; a completion, its emission and what the reader does next take three. */
const settlingTurns = 3;

async function settle(): Promise<void> {
  for (let turn = 0; turn < settlingTurns; turn++) await laterTurn();
}

/**
 * A clock for tests. `startMs`, default 0, is what `now` gives at first, in milliseconds.
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
      await settle();
      for (let timer = timers[0]; timer !== undefined && timer.due <= until; timer = timers[0]) {
        timers.shift();
        now = Math.max(now, timer.due);
        timer.fire();
        await settle();
      }
      now = until;
    },
  };
}
