import type { AsyncFn, AsyncFunction } from '../operator/async-function.ts';

/** What a step's `with` gives to a lookup: one member for each name in it. */
export type LookupArguments = Readonly<Record<string, unknown>>;

/**
 * Gives back what it is given, with its types checked: for the module file of a `module` lookup, whose default export
 * is a function of either style, or a class of such. `Args` are the names of the step's `with`; a value is anything
 * that JSON can hold.
 */
export function defineLookup<Args extends object = LookupArguments, Out = unknown>(
  lookup: AsyncFn<Args, Out>,
): AsyncFn<Args, Out>;
export function defineLookup<Args extends object = LookupArguments, Out = unknown>(
  lookup: AsyncFunction<Args, Out>,
): AsyncFunction<Args, Out>;
export function defineLookup<Args extends object = LookupArguments, Out = unknown>(
  lookup: new () => AsyncFunction<Args, Out>,
): new () => AsyncFunction<Args, Out>;
export function defineLookup(lookup: unknown): unknown {
  return lookup;
}
