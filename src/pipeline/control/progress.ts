import { Fifo } from '../../core/fifo.ts';
import type { Checkpoint } from '../../wire/control.ts';

/**
 * Knows which lines of the input are out: what a checkpoint says.
 *
 *     lines     0 1 2 3 4 5 6 7 8 9 …        seq
 *     out       x x . x x . x                in unordered mode a line may be out before earlier ones
 *     next                    ^  7           the line after the last one that is out
 *     pending       2     5                  lines before it that are not: read, or promised by a `$resume`
 *     ahead                     8 9          lines that were read, none of them out and none after them
 *
 * A line moves from `ahead` to `pending` at most once, so that the number of pending lines costs nothing to know.
 */
export class Progress {
  /** Ascending: a set keeps the order in which lines came. */
  readonly #pending = new Set<number>();
  /** Ascending. */
  readonly #ahead = new Fifo<number>();
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

  /** Lines that a checkpoint would name as pending. */
  get pending(): number {
    return this.#pending.size;
  }

  resume({ next, pending }: Checkpoint): void {
    this.#started = true;
    this.#next = next;
    for (const seq of pending) this.#pending.add(seq);
  }

  /** A line was read that will come out. Those that a `$resume` promised are pending already. */
  read(seq: number): void {
    this.#started = true;
    if (seq >= this.#next) this.#ahead.push(seq);
  }

  /** A line that was promised came blank: there is nothing to wait for. */
  blank(seq: number): void {
    this.#pending.delete(seq);
  }

  /** A line has left its queue and is emitted next; `emitted` follows where it really was. */
  leaving(seq: number): void {
    this.#leaving = seq;
  }

  emitted(): void {
    const seq = this.#leaving;
    this.#fresh += 1;
    if (seq < this.#next) {
      this.#pending.delete(seq);
      return;
    }
    for (let read = this.#ahead.shift(); read !== undefined && read < seq; read = this.#ahead.shift()) {
      this.#pending.add(read);
    }
    this.#next = seq + 1;
  }

  checkpoint(): Checkpoint {
    this.#fresh = 0;
    return { next: this.#next, pending: [...this.#pending] };
  }
}
