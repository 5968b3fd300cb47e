/** What is shared and may be in use: a lookup's connections, the steps of a turn of the event loop. */
export interface Gate {
  /** Whether what is begun now begins at once. */
  readonly open: boolean;
  /** Calls `hook` once, as soon as the gate is open, but never before this returns. */
  whenOpen(hook: () => void): void;
}
