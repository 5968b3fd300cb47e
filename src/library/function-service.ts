import type { Service } from '../lookup/lookup.ts';
import { collect, isThenable, type AsyncFn, type AsyncFunction } from '../operator/async-function.ts';
import { CallResult } from '../operator/call-result.ts';

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
