import { isThenable, type ResultFuture } from './async-function.ts';

/** A future that also takes the values without checking for a supplier. */
export interface SettledResult<Out> extends ResultFuture<Out> {
  /** Gives the values themselves; `complete` also takes a supplier of them. */
  settle(values: Iterable<Out>): void;
}

/** Completes with values, or with those of a supplier, which is called at once. If it throws, the call fails. */
export function completeWith<Out>(result: SettledResult<Out>, values: Iterable<Out> | (() => Iterable<Out>)): void {
  if (typeof values !== 'function') return result.settle(values);
  let supplied: Iterable<Out>;
  try {
    supplied = values();
  } catch (error) {
    return result.completeExceptionally(error);
  }
  result.settle(supplied);
}

/**
 * The future of one call. Its first completion wins; later ones are ignored.
 *
 *     run(invoke) ──▶ completed while it is being called ──▶ the answer, or a throw; no promise
 *                 └─▶ completed later ────────────────────▶ a promise of the answer
 */
export abstract class CallResult<Out, Answer> implements SettledResult<Out> {
  #state: 'open' | 'answered' | 'failed' = 'open';
  #answer: Answer | undefined = undefined;
  #error: unknown = undefined;
  #resolve: ((answer: Answer) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  /** Makes the answer of the values. If it throws, the call fails. */
  protected abstract answerOf(values: Iterable<Out>): Answer;

  /** The error with which the call fails. */
  protected errorOf(error: unknown): unknown {
    return error;
  }

  /** Called once, at the first completion: with the answer, or with the error of `errorOf`. */
  protected ended(_answer: Answer | undefined, _error: unknown): void {}

  /** Called once. Throws or rejects with the error of `errorOf`. A promise that `invoke` returns may fail the call. */
  run(invoke: (result: this) => unknown): Answer | Promise<Answer> {
    try {
      const returned = invoke(this);
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => this.completeExceptionally(error));
    } catch (error) {
      this.completeExceptionally(error);
    }
    if (this.#state === 'failed') throw this.#error;
    if (this.#state === 'answered') return this.#answer as Answer;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  complete(values: Iterable<Out> | (() => Iterable<Out>)): void {
    if (this.#state === 'open') completeWith(this, values);
  }

  settle(values: Iterable<Out>): void {
    if (this.#state !== 'open') return;
    let answer: Answer;
    try {
      answer = this.answerOf(values);
    } catch (error) {
      return this.completeExceptionally(error);
    }
    // Iterating the values may have completed the call.
    if (this.#state !== 'open') return;
    this.#state = 'answered';
    this.#answer = answer;
    this.ended(answer, undefined);
    this.#resolve?.(answer);
  }

  completeExceptionally(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = this.errorOf(error);
    this.ended(undefined, this.#error);
    this.#reject?.(this.#error);
  }
}
