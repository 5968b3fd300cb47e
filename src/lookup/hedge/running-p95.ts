/**
 * The 95th percentile of the last durations. Pure.
 *
 *     last   ring of the last 512 durations      value   of the sorted ring, found anew, when it is read, after every 32 durations
 */
const kept = 512;
const refreshedAfter = 32;
/** With fewer durations a percentile would be the chance of five of them. */
const fewest = 100;

export class RunningP95 {
  readonly #last = new Float64Array(kept);
  #count = 0;
  #isOld = false;
  #value: number | undefined = undefined;

  /** Undefined before the first hundred durations or so. */
  get value(): number | undefined {
    if (this.#isOld) {
      this.#isOld = false;
      const size = Math.min(this.#count, kept);
      this.#value = this.#last.slice(0, size).sort()[Math.ceil(0.95 * size) - 1];
    }
    return this.#value;
  }

  add(ms: number): void {
    this.#last[this.#count % kept] = ms;
    this.#count++;
    if (this.#count >= fewest && this.#count % refreshedAfter === 0) this.#isOld = true;
  }
}
