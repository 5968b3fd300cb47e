/** Something shared that may be in use: the connections of a lookup, the work of a turn of the event loop. */
export interface Gate {
  /** Whether a call that is made now begins without a wait. */
  readonly open: boolean;
  /** Calls `hook` once, as soon as the gate is open, but never before `whenOpen` returns. */
  whenOpen(hook: () => void): void;
}
