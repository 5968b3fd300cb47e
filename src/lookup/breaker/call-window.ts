import type { CallCounts } from './breaker-state.ts';

const cells = 10;

/**
 * Counts the calls of the last `windowMs` milliseconds.
 *
 *     tenth      … 41 | 42 | 43 | … | 50      ten cells in a ring; the oldest is emptied and reused
 *     calls        90   80   85       70
 *     failures      0   12   17        9
 *
 * The window moves in steps of a tenth, so it covers 0.9 to 1 of its time. Nothing runs between two calls.
 */
export class CallWindow implements CallCounts {
  readonly #cellMs: number;
  readonly #calls = new Float64Array(cells);
  readonly #failures = new Float64Array(cells);
  /** Of the window. */
  calls = 0;
  failures = 0;
  #tenth = 0;

  constructor(windowMs: number) {
    this.#cellMs = windowMs / cells;
  }

  /** Counts an ended call, and returns the counts of the window, which go on to change. */
  add(nowMs: number, failed: boolean): CallCounts {
    const cell = this.#cell(nowMs);
    this.#calls[cell] = (this.#calls[cell] ?? 0) + 1;
    this.calls++;
    if (failed) {
      this.#failures[cell] = (this.#failures[cell] ?? 0) + 1;
      this.failures++;
    }
    return this;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.calls = 0;
    this.failures = 0;
  }

  /** The cell of this time. Empties the cells that have become too old first. */
  #cell(nowMs: number): number {
    // An outcome may be delivered a little after a later one.
    const tenth = Math.max(Math.floor(nowMs / this.#cellMs), this.#tenth);
    const passed = Math.min(tenth - this.#tenth, cells);
    for (let step = 1; step <= passed; step++) {
      const cell = (this.#tenth + step) % cells;
      this.calls -= this.#calls[cell] ?? 0;
      this.failures -= this.#failures[cell] ?? 0;
      this.#calls[cell] = 0;
      this.#failures[cell] = 0;
    }
    this.#tenth = tenth;
    return tenth % cells;
  }
}
