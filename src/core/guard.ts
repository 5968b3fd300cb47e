import type { Clock } from './time/time.ts';

/** Wraps a function so that it does not throw. */
export type Guard = <Args extends readonly unknown[]>(work: (...args: Args) => void) => (...args: Args) => void;

/**
 * A guard for functions that Node.js calls: handlers, timers, turns and continuations of promises. An error that is
 * thrown there would end the process; `onDefect` receives it instead, and ends the stream that the event belongs to.
 * `onDefect` must not throw.
 */
export function guardWith(onDefect: (error: unknown) => void): Guard {
  return (work) =>
    (...args) => {
      try {
        work(...args);
      } catch (error) {
        onDefect(error);
      }
    };
}

/** The same clock with guarded timers. */
export function guardedClock(clock: Clock, guard: Guard): Clock {
  return {
    now: () => clock.now(),
    setTimer: (ms, fire) => clock.setTimer(ms, guard(fire)),
  };
}

/** `guard` for a caller that passes the same function each time: the guarded function is made once and returned again. */
export function guardedOnce(guard: Guard): (work: () => void) => () => void {
  let known: (() => void) | undefined;
  let guarded: (() => void) | undefined;
  return (work) => {
    if (guarded === undefined || work !== known) {
      known = work;
      guarded = guard(work);
    }
    return guarded;
  };
}
