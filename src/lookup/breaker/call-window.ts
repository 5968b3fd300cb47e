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
export class CallWindow {
  readonly #cellMs: number;
  readonly #calls = new Float64Array(cells);
  readonly #failures = new Float64Array(cells);
  #sumCalls = 0;
  #sumFailures = 0;
  #tenth = 0;

  constructor(windowMs: number) {
    this.#cellMs = windowMs / cells;
  }

  /** Counts an ended call, and returns the counts of the window. */
  add(nowMs: number, failed: boolean): CallCounts {
    const cell = this.#cell(nowMs);
    this.#calls[cell] = (this.#calls[cell] ?? 0) + 1;
    this.#sumCalls++;
    if (failed) {
      this.#failures[cell] = (this.#failures[cell] ?? 0) + 1;
      this.#sumFailures++;
    }
    return { calls: this.#sumCalls, failures: this.#sumFailures };
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#sumCalls = 0;
    this.#sumFailures = 0;
  }

  /** The cell of this time. Empties the cells that have become too old first. */
  #cell(nowMs: number): number {
    const tenth = Math.floor(nowMs / this.#cellMs);
    const passed = Math.min(tenth - this.#tenth, cells);
    for (let step = 1; step <= passed; step++) {
      const cell = (this.#tenth + step) % cells;
      this.#sumCalls -= this.#calls[cell] ?? 0;
      this.#sumFailures -= this.#failures[cell] ?? 0;
      this.#calls[cell] = 0;
      this.#failures[cell] = 0;
    }
    this.#tenth = tenth;
    return tenth % cells;
  }
}
