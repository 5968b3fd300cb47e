import type { Service } from '../lookup/lookup.ts';
import {
  collect,
  isThenable,
  type AsyncFn,
  type AsyncFunction,
  type ResultFuture,
} from '../operator/async-function.ts';
import { Failure } from './failure.ts';

/**
 * A function of either style as a service, so that layers can stand around it. Each call has a future of its own: what
 * an old call completes can not complete a newer one (semantics P2).
 */
export function functionService<In, Out>(fn: AsyncFn<In, Out> | AsyncFunction<In, Out>): Service<In, readonly Out[]> {
  if (typeof fn === 'function') {
    return (input, context) => {
      const returned = fn(input, context);
      return isThenable(returned) ? Promise.resolve(returned).then(collect) : collect(returned);
    };
  }
  return (input, context) => new OneCall<Out>().run((result) => fn.asyncInvoke(input, result, context));
}

/** The future of one call. A completion that comes while the function is being called is given without a promise. */
class OneCall<Out> implements ResultFuture<Out> {
  #outcome: readonly Out[] | Failure | undefined;
  #settle: ((outcome: readonly Out[] | Failure) => void) | undefined;

  run(invoke: (result: ResultFuture<Out>) => unknown): readonly Out[] | Promise<readonly Out[]> {
    try {
      const returned = invoke(this);
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => this.completeExceptionally(error));
    } catch (error) {
      this.completeExceptionally(error);
    }
    const outcome = this.#outcome;
    if (outcome instanceof Failure) throw outcome.error;
    if (outcome !== undefined) return outcome;
    return new Promise((resolve, reject) => {
      this.#settle = (settled) => {
        if (settled instanceof Failure) reject(settled.error);
        else resolve(settled);
      };
    });
  }

  complete(values: Iterable<Out> | (() => Iterable<Out>)): void {
    if (this.#outcome !== undefined) return;
    try {
      this.#end(collect(typeof values === 'function' ? values() : values));
    } catch (error) {
      this.#end(new Failure(error));
    }
  }

  completeExceptionally(error: unknown): void {
    this.#end(new Failure(error));
  }

  #end(outcome: readonly Out[] | Failure): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#settle?.(outcome);
  }
}
