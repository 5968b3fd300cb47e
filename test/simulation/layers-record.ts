import { Cancellation } from '../../src/core/call/cancellation.ts';
import type { InputEnd } from '../../src/core/call/call-context.ts';
import type { VirtualClock } from '../../src/core/time/virtual-clock.ts';

/** A record of a simulated round, as the operator has it: its time, and what its calls report. */
export class LayersRecord extends Cancellation {
  readonly key: number;
  readonly beganMs: number;
  /** Reported by `overdue`: it waited longer for its batch than `linger`, and for nothing else. */
  readonly #lingerMs: number;
  readonly #clock: VirtualClock;
  readonly #overdue: (waitedMs: number) => void;
  outcomes = 0;
  #batches = 0;
  #limits = 0;
  #batchedMs = 0;
  #waited = false;

  constructor(
    key: number,
    input: InputEnd,
    deadlineMs: number,
    { clock, lingerMs, overdue }: { clock: VirtualClock; lingerMs: number; overdue: (waitedMs: number) => void },
  ) {
    super(deadlineMs, 1, input);
    this.key = key;
    this.#clock = clock;
    this.#lingerMs = lingerMs;
    this.#overdue = overdue;
    this.beganMs = clock.now();
  }

  /** Waits that were reported and have not ended. */
  get waits(): number {
    return this.#batches + this.#limits;
  }

  override inBatch(delta: 1 | -1): void {
    this.#batches += delta;
    if (delta === -1 || this.#batches > 1) return;
    this.#batchedMs = this.#clock.now();
    this.#waited = this.#limits > 0;
  }

  override limitWaiting(delta: 1 | -1): void {
    this.#limits += delta;
    if (delta === 1) this.#waited = true;
  }

  override callBegins(): void {
    const waitedMs = this.#clock.now() - this.#batchedMs;
    if (this.#batches === 1 && !this.#waited && waitedMs > this.#lingerMs) this.#overdue(waitedMs);
    // A second beginning is that of a call that was under way already.
    this.#waited = true;
  }
}
