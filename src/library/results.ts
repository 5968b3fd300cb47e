import { Fifo } from '../core/fifo.ts';
import type { Downstream } from '../operator/async-wait-options.ts';
import type { Watermark } from '../operator/watermark.ts';
import { Failure } from './failure.ts';
import type { Outcome } from './invocation.ts';
import type { Emitted, WaitResults } from './wait-results.ts';

export interface ResultsOwner {
  /** Called at the first `next`. */
  start(): void;
  /** The reader wants more. */
  drain(): void;
  /** Called only where `checkpointed`. Everything that was emitted has been given, and the reader wants more, or comes back for the end. */
  given(): Failure | undefined;
  /** Called once: nothing is read any more. */
  stop(reason: unknown): Stopped;
}

export interface Stopped {
  /** Resolves when the function is closed; undefined where nobody is to wait for that. */
  readonly closed: Promise<void> | undefined;
  /** Resolves when the source is let go. */
  readonly released: Promise<void>;
}

interface Reader<Value> {
  readonly resolve: (result: IteratorResult<Value, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The reading end: an async iterator that takes an outcome out of the operator only when it is asked for one, so that
 * a completed record holds its slot until it is read.
 *
 *     next() ──▶ values of the current outcome, else drain() ──▶ emit ──▶ values; else the reader waits in line
 */
export class Results<Item, Out> implements WaitResults<Emitted<Item, Out>>, Downstream<Outcome<Out>> {
  readonly #owner: ResultsOwner;
  readonly #checkpointed: boolean;
  readonly #readers = new Fifo<Reader<Emitted<Item, Out>>>();
  #values: readonly (Out | Watermark)[] = [];
  #index = 0;
  #started = false;
  #finished = false;
  /** A `next` is under way that can be answered without waiting. */
  #asking = false;
  #failure: Failure | undefined;
  /** The iteration has failed, and the reader is told when the function is closed. */
  #closing: Promise<void> | undefined;

  constructor(owner: ResultsOwner, checkpointed: boolean) {
    this.#owner = owner;
    this.#checkpointed = checkpointed;
  }

  get ready(): boolean {
    return (this.#asking || this.#readers.size > 0) && this.#index >= this.#values.length && !this.#finished;
  }

  emit(outcome: Outcome<Out>): void {
    if (outcome instanceof Failure) return this.fail(outcome.thrown());
    this.#give(outcome);
    // Nothing was in it, or others wait as well.
    if (this.#checkpointed && this.ready) this.#given();
  }

  emitBarrier(barrier: Watermark): void {
    this.#give([barrier]);
  }

  flush(): void {}

  /** All outcomes are given. */
  finish(failure: Failure | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure = failure;
    this.#answerAll();
  }

  /** Ends the iteration by throwing `reason` to the reader. */
  fail(reason: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure = new Failure(reason);
    const { closed, released } = this.#owner.stop(reason);
    // The reader gets the error that came first, not what source and function say to being closed.
    released.catch(() => {});
    if (closed === undefined) return this.#answerAll();
    const closing = (): void => {
      this.#closing = undefined;
      this.#answerAll();
    };
    this.#closing = closed.then(closing, closing);
  }

  next(): Promise<IteratorResult<Emitted<Item, Out>, undefined>> {
    if (this.#index < this.#values.length) return Promise.resolve(this.#take());
    if (this.#checkpointed && this.#started) this.#given();
    if (!this.#finished) this.#ask();
    if (this.#index < this.#values.length) return Promise.resolve(this.#take());
    if (this.#finished && this.#closing === undefined) return this.#last();
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  /** `break`: running calls are aborted, the source is closed. */
  async return(): Promise<IteratorResult<Emitted<Item, Out>, undefined>> {
    this.#values = [];
    this.#index = 0;
    if (this.#finished) await this.#closing;
    else {
      this.finish(undefined);
      const { closed, released } = this.#owner.stop(new DOMException('the iteration was left', 'AbortError'));
      const [closing, releasing] = await Promise.allSettled([closed, released]);
      if (closing.status === 'rejected') throw closing.reason;
      if (releasing.status === 'rejected') throw releasing.reason;
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #ask(): void {
    // Those who wait already are served first, when there is something.
    if (this.#readers.size > 0) return;
    this.#asking = true;
    try {
      if (this.#started) this.#owner.drain();
      else {
        this.#started = true;
        this.#owner.start();
      }
    } finally {
      this.#asking = false;
    }
  }

  #given(): void {
    const failure = this.#owner.given();
    if (failure === undefined) return;
    if (this.#finished) this.#failure ??= failure;
    else this.fail(failure.error);
  }

  #give(values: readonly (Out | Watermark)[]): void {
    this.#values = values;
    this.#index = 0;
    while (this.#index < values.length) {
      const reader = this.#readers.shift();
      if (reader === undefined) return;
      reader.resolve(this.#take());
    }
  }

  #take(): IteratorResult<Emitted<Item, Out>, undefined> {
    // Every watermark came from the source, so its type is among those of `Item`.
    const value = this.#values[this.#index++] as Emitted<Item, Out>;
    return { done: false, value };
  }

  #last(): Promise<IteratorResult<Emitted<Item, Out>, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined) return Promise.resolve({ done: true, value: undefined });
    return Promise.reject(failure.error);
  }

  #answerAll(): void {
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      if (this.#failure === undefined) reader.resolve({ done: true, value: undefined });
      else {
        reader.reject(this.#failure.error);
        this.#failure = undefined;
      }
    }
  }
}
