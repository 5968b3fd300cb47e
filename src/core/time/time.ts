// The globals that every JavaScript runtime has, so that the library runs in all of them.
const { performance, setTimeout, clearTimeout } = globalThis;

/**
 * The source of time. It is injected, so that a test can advance it.
 *
 *     const disarm = clock.setTimer(1000, () => console.log('a second has passed'));
 *     disarm(); // the timer does not fire
 */
export interface Clock {
  /** Milliseconds since some fixed instant; never goes back. */
  now(): number;
  /** Calls `fire` once, when `ms` milliseconds have passed. Returns a function that disarms the timer. */
  setTimer(ms: number, fire: () => void): () => void;
}

/** A number in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** Monotonic time of this process. A timer fires after 24.8 days at the latest: longer waits do not fit into a timer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, Math.min(ms, 0x7fffffff));
    return () => clearTimeout(timer);
  },
};

/** Wall-clock milliseconds since 1970, for values that other systems read. */
export function wallClockMs(): number {
  return Date.now();
}
