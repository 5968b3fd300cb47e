import { systemClock } from '../../core/time/time.ts';

/** Keeps the lines of the log until it is released: the first line of the output says where the service listens. */
export class HeldLog {
  readonly #output: { write(line: string): unknown };
  #held: string[] | undefined = [];
  #disarm: (() => void) | undefined;

  constructor(output: { write(line: string): unknown }) {
    this.#output = output;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#output.write(line);
    else this.#held.push(line);
  }

  releaseAfter(ms: number): void {
    this.#disarm = systemClock.setTimer(ms, () => this.release());
  }

  release(): void {
    this.#disarm?.();
    for (const line of this.#held ?? []) this.#output.write(line);
    this.#held = undefined;
  }
}
