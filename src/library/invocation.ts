import type { Clock } from '../core/time/time.ts';
import type { Service } from '../lookup/lookup.ts';
import { plainRules, retry, type RetryRules } from '../lookup/retry/retry.ts';
import {
  collect,
  isThenable,
  timedOut,
  type AsyncFn,
  type AsyncFunction,
  type Fn,
} from '../operator/async-function.ts';
import type { Attempt } from '../operator/attempt.ts';
import { CallResult, completeWith, type SettledResult } from '../operator/call-result.ts';
import { Failure } from './failure.ts';
import type { AsyncRetryStrategy } from './options/retry-strategies.ts';

export type FunctionOutcome<Out> = readonly Out[] | Failure;

/** The calls that the operator makes of a function of either style. */
export interface Invocation<In, Out> {
  readonly invoke: (input: In, attempt: Attempt<In, FunctionOutcome<Out>>) => void;
  readonly onTimeout: (input: In, attempt: Attempt<In, FunctionOutcome<Out>>) => void;
}

export function invocation<In, Out>(fn: Fn<In, Out>): Invocation<In, Out> {
  if (typeof fn === 'function') {
    const hook = fn.timeout;
    return {
      invoke: (input, attempt) => call(fn, input, attempt),
      onTimeout: typeof hook === 'function' ? (input, attempt) => call(hook, input, attempt) : failTimedOut,
    };
  }
  return {
    invoke(input, attempt) {
      const returned: unknown = fn.asyncInvoke(input, new AttemptResult(attempt), attempt);
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => attempt.fail(error));
    },
    onTimeout(input, attempt) {
      if (fn.timeout === undefined) return attempt.fail(timedOut());
      // The hook may complete the result later; the operator limits how much later.
      const returned: unknown = fn.timeout(input, new AttemptResult(attempt), attempt);
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => attempt.fail(error));
    },
  };
}

/**
 * The calls of a function with the retry layer around it. The timeout hook is not inside the layer: its outcome is final, and
 * no predicate is called with it (semantics T3).
 */
export function retriedInvocation<In, Out>(
  fn: Fn<In, Out>,
  strategy: AsyncRetryStrategy<Out>,
  clock: Clock,
): Invocation<In, Out> {
  const service = retry<In, readonly Out[]>(rulesOf(strategy), { clock })(functionService(fn));
  return {
    invoke(input, attempt) {
      const answer = service(input, attempt);
      if (!(answer instanceof Promise)) return attempt.complete(answer);
      answer.then(
        (values) => attempt.complete(values),
        (error: unknown) => {
          // A wait that was cancelled rejects with the reason of the cancellation. That is no late completion.
          if (!attempt.cancelled || error !== attempt.reason) attempt.fail(error);
        },
      );
    },
    onTimeout: invocation(fn).onTimeout,
  };
}

/**
 * A function of either style as a service, so that layers can stand around it. Each call has a future of its own: a
 * completion of an old call cannot complete a newer one (semantics P2).
 */
export function functionService<In, Out>(fn: AsyncFn<In, Out> | AsyncFunction<In, Out>): Service<In, readonly Out[]> {
  if (typeof fn === 'function') {
    return (input, context) => {
      const returned = fn(input, context);
      return isThenable(returned) ? Promise.resolve(returned).then(collect) : collect(returned);
    };
  }
  return (input, context) => new FunctionCall<Out>().run((result) => fn.asyncInvoke(input, result, context));
}

class FunctionCall<Out> extends CallResult<Out, readonly Out[]> {
  protected override answerOf(values: Iterable<Out>): readonly Out[] {
    return collect(values);
  }
}

function rulesOf<Out>(strategy: AsyncRetryStrategy<Out>): RetryRules<readonly Out[]> {
  return {
    ...plainRules,
    canRetry: (attempt) => strategy.canRetry(attempt),
    delayMs: (attempt) => strategy.delay(attempt),
    onResult: (values) => strategy.ifResult?.(values) === true,
    onError: (error) => strategy.ifError?.(error) === true,
  };
}

function call<In, Out>(
  fn: (input: In, attempt: Attempt<In, FunctionOutcome<Out>>) => Promise<Iterable<Out>> | Iterable<Out>,
  input: In,
  attempt: Attempt<In, FunctionOutcome<Out>>,
): void {
  const returned = fn(input, attempt);
  if (isThenable(returned)) {
    returned.then(
      (values) => settle(attempt, values),
      (error: unknown) => attempt.fail(error),
    );
  } else settle(attempt, returned);
}

function settle<In, Out>(attempt: Attempt<In, FunctionOutcome<Out>>, values: Iterable<Out>): void {
  let outcome: readonly Out[];
  try {
    outcome = collect(values);
  } catch (error) {
    attempt.fail(error);
    return;
  }
  attempt.complete(outcome);
}

/** The future of an attempt of the operator, which ignores and counts late completions. */
class AttemptResult<In, Out> implements SettledResult<Out> {
  readonly #attempt: Attempt<In, FunctionOutcome<Out>>;

  constructor(attempt: Attempt<In, FunctionOutcome<Out>>) {
    this.#attempt = attempt;
  }

  complete(values: Iterable<Out> | (() => Iterable<Out>)): void {
    // The values of a late completion are not read.
    if (this.#attempt.isCurrent) completeWith(this, values);
    else this.#attempt.complete([]);
  }

  settle(values: Iterable<Out>): void {
    settle(this.#attempt, values);
  }

  completeExceptionally(error: unknown): void {
    this.#attempt.fail(error);
  }
}

function failTimedOut<In, Out>(_input: In, attempt: Attempt<In, FunctionOutcome<Out>>): void {
  attempt.fail(timedOut());
}
