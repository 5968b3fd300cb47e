// The globals that every JavaScript runtime has, so that the library runs in all of them.
const { performance, setTimeout, clearTimeout } = globalThis;

/** Where time comes from. Injected, so that a test can advance it. */
export interface Clock {
  /** Milliseconds since some fixed instant; never goes back. */
  now(): number;
  /** Calls `fire` once, when `ms` have passed; the function returned disarms it. */
  setTimer(ms: number, fire: () => void): () => void;
}

/** A number in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** Monotonic time of this process. Waits beyond what a timer holds (24.8 days) are cut to that. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, Math.min(ms, 0x7fffffff));
    return () => clearTimeout(timer);
  },
};

/** Wall-clock milliseconds since 1970, for what other systems have to read. */
export function wallClockMs(): number {
  return Date.now();
}
