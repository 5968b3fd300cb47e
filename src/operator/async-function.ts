import { RecordError } from '../core/errors.ts';
import type { Attempt } from './attempt.ts';

/** What a call of the function may know: when to stop, and which call it is. */
export interface AsyncContext {
  /** Aborted when nobody waits for the result any more: time ran out, or the iteration was left. Made at its first use. */
  readonly signal: AbortSignal;
  /** 1 = first. */
  readonly attempt: number;
  /** Clock milliseconds at which the record's time runs out; Infinity where it has none. */
  readonly deadline: number;
}

/** The idiomatic style: returns a collection of 0..n values, or a promise of one; throws or rejects on failure. */
export type AsyncFn<In, Out> = (input: In, context: AsyncContext) => Promise<Iterable<Out>> | Iterable<Out>;

/** Takes the first completion of a call; every later one is ignored. */
export interface ResultFuture<Out> {
  /** A supplier is called at once; what it throws is an error of the record. */
  complete(values: Iterable<Out> | (() => Iterable<Out>)): void;
  completeExceptionally(error: unknown): void;
}

/** The callback style (Flink: AsyncFunction). */
export interface AsyncFunction<In, Out> {
  asyncInvoke(input: In, result: ResultFuture<Out>, context: AsyncContext): void;
  /**
   * Called when the record's time ran out, after its call was aborted. What it completes is final. If it returns without
   * completing, the outcome is the error `timeout`; an async one is waited for.
   */
  timeout?(input: In, result: ResultFuture<Out>, context: AsyncContext): void;
}

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

/** The values as an array. Throws RecordError `invalid_result` for what is no collection (semantics P3). */
export function collect<Out>(values: Iterable<Out>): readonly Out[] {
  if (Array.isArray(values)) return values;
  if (typeof values === 'object' && values !== null && typeof values[Symbol.iterator] === 'function')
    return [...values];
  const given = values === null || values === undefined ? String(values) : `a ${typeof values}`;
  throw new RecordError(
    'invalid_result',
    `the function gave ${given}, but a result is a collection: [] for none, [value] for one`,
  );
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

function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
