import type { AsyncContext, AsyncFn, ResultFuture } from '../operator/async-function.ts';

/** The arguments of a lookup: one member for each name in `with` of a step. */
export type LookupArguments = Readonly<Record<string, unknown>>;

/** A method, because TypeScript compares its parameters both ways: a function with narrower arguments is accepted, too. */
interface AnyFunction {
  asyncInvoke(input: object, result: ResultFuture<unknown>, context: AsyncContext): void;
}

/**
 * Returns its argument and checks its types. For the file of a `module` lookup, whose default export is a function of either
 * style, or a class of such functions. `Args` has the names in `with` of the step; a value is anything that JSON can hold.
 *
 *     export default defineLookup<{ iata: string }>(async ({ iata }) => [await nameOf(iata)]);
 */
export function defineLookup<Args extends object = LookupArguments, Out = unknown>(
  // The type is not AsyncFn: with several signatures to choose from, the compiler would accept a plain function for none of them.
  lookup: (args: Args, context: AsyncContext) => Promise<Iterable<Out>> | Iterable<Out>,
): AsyncFn<Args, Out>;
export function defineLookup<Lookup extends AnyFunction | (new () => AnyFunction)>(lookup: Lookup): Lookup;
export function defineLookup(lookup: unknown): unknown {
  return lookup;
}
