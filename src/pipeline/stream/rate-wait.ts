import type { RecordGate } from '../../core/call/record-rate.ts';
import type { BackpressureMeter } from '../../operator/backpressure-meter.ts';
import { BarrierLine } from '../control/barrier-line.ts';

/** The place of one stream at the rate of its token: at most one record is taken from the rate before it is admitted. */
export class RateWait {
  readonly #gate: RecordGate;
  readonly #backpressure: BackpressureMeter;
  readonly #retry: () => void;
  /** The next record was counted already; it waits for a slot or for memory. */
  #counted = false;
  #waits = false;

  /** A stream at this rate; undefined without one. `free` is called when the next record may go on. */
  static at(gate: RecordGate | undefined, backpressure: BackpressureMeter, free: () => void): RateWait | undefined {
    return gate === undefined ? undefined : new RateWait(gate, backpressure, free);
  }

  private constructor(gate: RecordGate, backpressure: BackpressureMeter, free: () => void) {
    this.#gate = gate;
    this.#backpressure = backpressure;
    this.#retry = () => {
      this.#waits = false;
      // A stream that waits for memory as well still does.
      if (backpressure.reason === 'limit') backpressure.moving();
      free();
    };
  }

  get waits(): boolean {
    return this.#waits;
  }

  /** Whether this line may go on; if not, `free` is called later. Only records count. */
  admits(line: object): boolean {
    if (this.#counted || line instanceof BarrierLine) return true;
    if (!this.#waits) this.#counted = this.#gate.take();
    if (this.#counted) return true;
    if (!this.#waits) this.#gate.wait(this.#retry);
    this.#waits = true;
    this.#backpressure.stopped('limit');
    return false;
  }

  /** The record is admitted. */
  admitted(): void {
    this.#counted = false;
  }

  leave(): void {
    this.#waits = false;
    this.#gate.leave(this.#retry);
  }
}
