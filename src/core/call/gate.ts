/** Something shared that may be in use: the connections of a lookup, the work of a turn of the event loop. */
export interface Gate {
  /** Whether a call that is made now begins without a wait. */
  readonly open: boolean;
  /** Calls `hook` once, as soon as the gate is open, but never before `whenOpen` returns. */
  whenOpen(hook: () => void): void;
  /** Milliseconds until `calls` more calls could have begun, as far as it is known; 0 if it is not. Absent: it is never known. */
  waitMs?(calls: number): number;
}

/** A gate that is open while both gates are. A call that waits for both waits once, in one queue. */
export function bothGates(one: Gate, other: Gate): Gate {
  const both: Gate = {
    get open() {
      return one.open && other.open;
    },
    whenOpen(hook) {
      const closed = one.open ? other : one;
      closed.whenOpen(() => (both.open ? hook() : both.whenOpen(hook)));
    },
    waitMs: (calls) => Math.max(one.waitMs?.(calls) ?? 0, other.waitMs?.(calls) ?? 0),
  };
  return both;
}
