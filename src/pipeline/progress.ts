import type { Checkpoint } from '../wire/control.ts';

/**
 * Knows which lines of the input are out: what a checkpoint says.
 *
 *     lines     0 1 2 3 4 5 6 7 8 9 …        seq
 *     out       x x . x x . x                in unordered mode a line may be out before earlier ones
 *     next                    ^  7           the line after the last one that is out
 *     pending       2     5                  lines before it that are not: read, or promised by a `$resume`
 */
export class Progress {
  /** Lines that are not out, ascending: a set keeps the order in which lines came. */
  readonly #open = new Set<number>();
  #next: number;
  #leaving = 0;
  #started = false;
  #fresh = 0;

  /** `offset`: the first line of the input, unless `resume` says otherwise. */
  constructor(offset: number) {
    this.#next = offset;
  }

  /** Whether it is known where the input starts: before that there is nothing to say. */
  get started(): boolean {
    return this.#started;
  }

  /** Lines that have come out since the last checkpoint. */
  get fresh(): number {
    return this.#fresh;
  }

  resume({ next, pending }: Checkpoint): void {
    this.#started = true;
    this.#next = next;
    for (const seq of pending) this.#open.add(seq);
  }

  /** A line was read that will come out. */
  read(seq: number): void {
    this.#started = true;
    this.#open.add(seq);
  }

  /** A line that was promised came blank: there is nothing to wait for. */
  blank(seq: number): void {
    this.#open.delete(seq);
  }

  /** A line has left its queue and is emitted next; `emitted` follows where it really was. */
  leaving(seq: number): void {
    this.#leaving = seq;
  }

  emitted(): void {
    const seq = this.#leaving;
    this.#open.delete(seq);
    if (seq >= this.#next) this.#next = seq + 1;
    this.#fresh += 1;
  }

  checkpoint(): Checkpoint {
    this.#fresh = 0;
    const pending: number[] = [];
    for (const seq of this.#open) {
      if (seq >= this.#next) break;
      pending.push(seq);
    }
    return { next: this.#next, pending };
  }
}
