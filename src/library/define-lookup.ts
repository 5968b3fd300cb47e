import type { AsyncContext, AsyncFn, ResultFuture } from '../operator/async-function.ts';

/** What a step's `with` gives to a lookup: one member for each name in it. */
export type LookupArguments = Readonly<Record<string, unknown>>;

/** Method parameters are compared both ways, so a function of narrower arguments is one, too. */
interface AnyFunction {
  asyncInvoke(input: object, result: ResultFuture<unknown>, context: AsyncContext): void;
}

/**
 * Returns its argument, with its types checked: for the module file of a `module` lookup, whose default export
 * is a function of either style, or a class of such. `Args` are the names of the step's `with`; a value is anything
 * that JSON can hold.
 *
 *     export default defineLookup<{ iata: string }>(async ({ iata }) => [await nameOf(iata)]);
 */
export function defineLookup<Args extends object = LookupArguments, Out = unknown>(
  // Not AsyncFn: with a choice of signatures the compiler would take a plain function for none of them.
  lookup: (args: Args, context: AsyncContext) => Promise<Iterable<Out>> | Iterable<Out>,
): AsyncFn<Args, Out>;
export function defineLookup<Lookup extends AnyFunction | (new () => AnyFunction)>(lookup: Lookup): Lookup;
export function defineLookup(lookup: unknown): unknown {
  return lookup;
}
