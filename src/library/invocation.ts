import { RecordError } from '../core/errors.ts';
import {
  collect,
  isThenable,
  type AsyncFn,
  type AsyncFunction,
  type ResultFuture,
} from '../operator/async-function.ts';
import type { Attempt } from '../operator/attempt.ts';

/** The outcome of a record that could not be computed. */
export class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

export type Outcome<Out> = readonly Out[] | Failure;

/** How the operator runs a function of either style. */
export interface Invocation<In, Out> {
  readonly invoke: (input: In, attempt: Attempt<In, Outcome<Out>>) => void;
  readonly onTimeout: (input: In, attempt: Attempt<In, Outcome<Out>>) => void;
}

export function invocation<In, Out>(fn: AsyncFn<In, Out> | AsyncFunction<In, Out>): Invocation<In, Out> {
  if (typeof fn === 'function')
    return { invoke: (input, attempt) => call(fn, input, attempt), onTimeout: failTimedOut };
  return {
    invoke(input, attempt) {
      const returned: unknown = fn.asyncInvoke(input, new AttemptResult(attempt), attempt);
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => attempt.fail(error));
    },
    onTimeout(input, attempt) {
      if (fn.timeout === undefined) return failTimedOut(input, attempt);
      const returned: unknown = fn.timeout(input, new AttemptResult(attempt), attempt);
      if (isThenable(returned)) {
        returned.then(
          () => failTimedOut(input, attempt),
          (error: unknown) => attempt.fail(error),
        );
      } else failTimedOut(input, attempt);
    },
  };
}

function call<In, Out>(fn: AsyncFn<In, Out>, input: In, attempt: Attempt<In, Outcome<Out>>): void {
  const returned = fn(input, attempt);
  if (isThenable(returned)) {
    returned.then(
      (values) => settle(attempt, values),
      (error: unknown) => attempt.fail(error),
    );
  } else settle(attempt, returned);
}

function settle<In, Out>(attempt: Attempt<In, Outcome<Out>>, values: Iterable<Out>): void {
  let outcome: readonly Out[];
  try {
    outcome = collect(values);
  } catch (error) {
    attempt.fail(error);
    return;
  }
  attempt.complete(outcome);
}

class AttemptResult<In, Out> implements ResultFuture<Out> {
  readonly #attempt: Attempt<In, Outcome<Out>>;

  constructor(attempt: Attempt<In, Outcome<Out>>) {
    this.#attempt = attempt;
  }

  complete(values: Iterable<Out> | (() => Iterable<Out>)): void {
    if (!this.#attempt.open) return this.#attempt.complete([]);
    if (typeof values !== 'function') return settle(this.#attempt, values);
    let supplied: Iterable<Out>;
    try {
      supplied = values();
    } catch (error) {
      return this.#attempt.fail(error);
    }
    settle(this.#attempt, supplied);
  }

  completeExceptionally(error: unknown): void {
    this.#attempt.fail(error);
  }
}

function failTimedOut<In, Out>(_input: In, attempt: Attempt<In, Outcome<Out>>): void {
  if (attempt.open) attempt.fail(new RecordError('timeout', 'the time of the record ran out before it had a result'));
}
