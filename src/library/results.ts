import { Fifo } from '../core/fifo.ts';
import type { Downstream } from '../operator/async-wait-options.ts';
import type { Watermark } from '../operator/watermark.ts';
import { Failure } from './failure.ts';
import type { FunctionOutcome } from './invocation.ts';
import type { Emitted, WaitResults } from './wait-results.ts';

export interface ResultsOwner {
  /** Called at the first `next`. */
  start(): void;
  /** The reader waits for a result. */
  readerWaits(): void;
  /**
   * Called only if `checkpointed` is true, when the reader has received everything that was emitted and calls `next`.
   * Returns the failure of `onCheckpoint`.
   */
  delivered(): Failure | undefined;
  /** Called once, when nothing is read any more. */
  stop(reason: unknown): Stopped;
}

export interface Stopped {
  /** Resolves when the function is closed; undefined if no reader is to wait for that. */
  readonly closed: Promise<void> | undefined;
  /** Resolves when the source is closed. */
  readonly released: Promise<void>;
}

interface Reader<Value> {
  readonly resolve: (result: IteratorResult<Value, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The async iterator that the library returns. It takes an outcome out of the operator only when `next` is called, so a
 * completed record holds its slot until it is read.
 *
 *     next() ──▶ values of the current outcome, else readerWaits() ──▶ emit ──▶ values; else the reader waits in the queue
 */
export class Results<Item, Out> implements WaitResults<Emitted<Item, Out>>, Downstream<FunctionOutcome<Out>> {
  readonly #owner: ResultsOwner;
  readonly #checkpointed: boolean;
  readonly #readers = new Fifo<Reader<Emitted<Item, Out>>>();
  #values: readonly (Out | Watermark)[] = [];
  #index = 0;
  #started = false;
  #finished = false;
  /** Whether a `next` is running, which may take an outcome without waiting. */
  #inNext = false;
  #failure: Failure | undefined;
  /** Resolves when the function is closed, after a failure. Then the failure is thrown to the reader. */
  #closing: Promise<void> | undefined;

  constructor(owner: ResultsOwner, checkpointed: boolean) {
    this.#owner = owner;
    this.#checkpointed = checkpointed;
  }

  get ready(): boolean {
    return (this.#inNext || this.#readers.size > 0) && this.#index >= this.#values.length && !this.#finished;
  }

  emit(outcome: FunctionOutcome<Out>): void {
    if (outcome instanceof Failure) return this.fail(outcome.thrown());
    this.#deliver(outcome);
    // The outcome was empty, or further readers wait.
    if (this.#checkpointed && this.ready) this.#delivered();
  }

  emitBarrier(barrier: Watermark): void {
    this.#deliver([barrier]);
  }

  flush(): void {}

  /** Ends the iteration: all outcomes were delivered. */
  finish(failure: Failure | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure = failure;
    this.#settleReaders();
  }

  /** Ends the iteration by throwing `reason` to the reader. */
  fail(reason: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure = new Failure(reason);
    const { closed, released } = this.#owner.stop(reason);
    // The reader gets the first error. Errors of closing the source and the function are ignored.
    released.catch(() => {});
    if (closed === undefined) return this.#settleReaders();
    const closing = (): void => {
      this.#closing = undefined;
      this.#settleReaders();
    };
    this.#closing = closed.then(closing, closing);
  }

  next(): Promise<IteratorResult<Emitted<Item, Out>, undefined>> {
    if (this.#index < this.#values.length) return Promise.resolve(this.#take());
    if (this.#checkpointed && this.#started) this.#delivered();
    if (!this.#finished) this.#requestOutcome();
    if (this.#index < this.#values.length) return Promise.resolve(this.#take());
    if (this.#finished && this.#closing === undefined) return this.#last();
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  /** Called by `break`. Running calls are aborted, and the source is closed. */
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

  #requestOutcome(): void {
    // Readers that wait already receive the next results.
    if (this.#readers.size > 0) return;
    this.#inNext = true;
    try {
      if (this.#started) this.#owner.readerWaits();
      else {
        this.#started = true;
        this.#owner.start();
      }
    } finally {
      this.#inNext = false;
    }
  }

  #delivered(): void {
    const failure = this.#owner.delivered();
    if (failure === undefined) return;
    if (this.#finished) this.#failure ??= failure;
    else this.fail(failure.error);
  }

  #deliver(values: readonly (Out | Watermark)[]): void {
    this.#values = values;
    this.#index = 0;
    while (this.#index < values.length) {
      const reader = this.#readers.shift();
      if (reader === undefined) return;
      reader.resolve(this.#take());
    }
  }

  #take(): IteratorResult<Emitted<Item, Out>, undefined> {
    // Every watermark came from the source, so its type is one of those of `Item`.
    const value = this.#values[this.#index++] as Emitted<Item, Out>;
    return { done: false, value };
  }

  #last(): Promise<IteratorResult<Emitted<Item, Out>, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined) return Promise.resolve({ done: true, value: undefined });
    return Promise.reject(failure.error);
  }

  #settleReaders(): void {
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      if (this.#failure === undefined) reader.resolve({ done: true, value: undefined });
      else {
        reader.reject(this.#failure.error);
        this.#failure = undefined;
      }
    }
  }
}
