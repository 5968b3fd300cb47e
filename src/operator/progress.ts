import { Fifo } from '../core/fifo.ts';

/** The content of a checkpoint: everything before `next` was emitted, except the pending elements, in ascending order. */
export interface ProgressState {
  readonly next: number;
  readonly pending: readonly number[];
}

/**
 * Which elements of an input have been emitted, as a checkpoint states it (semantics E3). `seq` is the index of an
 * element in the input, watermarks counted.
 *
 *     elements  0 1 2 3 4 5 6 7 8 9 …        seq
 *     emitted   x x . x x . x x              unordered, so 2 and 5 may still be under way
 *     next                    ^  8           the element after the last one that was emitted
 *     pending       2     5                  elements before `next` that were not emitted: read, or named by a resumed checkpoint
 *     ahead                     8 9          elements that were read, from `next` on: none of them was emitted
 *
 * An element moves from `ahead` to `pending` at most once, so the number of pending elements is known at no cost.
 */
export class Progress {
  /** Ascending: a set keeps the order in which the elements came. */
  readonly #pending = new Set<number>();
  /** Ascending. */
  readonly #ahead = new Fifo<number>();
  #next: number;
  #emittingSeq = 0;
  #started = false;
  #fresh = 0;

  /** `offset`: the first element of the input, unless `resume` is called. */
  constructor(offset: number) {
    this.#next = offset;
  }

  /** Whether the start of the input is known. Before that there is nothing to state. */
  get started(): boolean {
    return this.#started;
  }

  /** Elements that were emitted since the last checkpoint. */
  get fresh(): number {
    return this.#fresh;
  }

  /** Elements that a checkpoint would name as pending. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Goes on from a checkpoint, before the first element is read. */
  resume({ next, pending }: ProgressState): void {
    this.#started = true;
    this.#next = next;
    for (const seq of pending) this.#pending.add(seq);
  }

  /** An element was read that will be emitted. Those that the resumed checkpoint names are pending already. */
  read(seq: number): void {
    this.#started = true;
    if (seq >= this.#next) this.#ahead.push(seq);
  }

  /** A pending element turned out to be blank: it will not be emitted. */
  blank(seq: number): void {
    this.#pending.delete(seq);
  }

  /** An element was taken out of its queue; `emitted` follows if it was emitted. */
  emitting(seq: number): void {
    this.#emittingSeq = seq;
  }

  /** The element that was named last by `emitting` was emitted. */
  emitted(): void {
    const seq = this.#emittingSeq;
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

  /** The present state; counts `fresh` from 0 again. */
  checkpoint(): ProgressState {
    this.#fresh = 0;
    return { next: this.#next, pending: [...this.#pending] };
  }
}
