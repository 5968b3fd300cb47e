import type { Clock } from './time/time.ts';

/** Gives a function that does the same, but does not throw. */
export type Guard = <Args extends readonly unknown[]>(work: (...args: Args) => void) => (...args: Args) => void;

/**
 * A guard for the places where events enter: handlers, timers, turns and continuations of promises, whose caller is
 * Node.js. What is thrown there would end the process; `onDefect` gets it instead, and ends what the event belongs to.
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

/** The same clock, whose timers are guarded. */
export function guardedClock(clock: Clock, guard: Guard): Clock {
  return {
    now: () => clock.now(),
    setTimer: (ms, fire) => clock.setTimer(ms, guard(fire)),
  };
}

/** `guard` for a function that is the same at each call: its guarded form is made once, and stays the same. */
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
