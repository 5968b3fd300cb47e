import { RecordError } from '../core/errors.ts';

/**
 * The context of one call of the function: when to stop, and which call it is.
 *
 *     const names: AsyncFn<string, string> = async (iata, { signal, attempt }) =>
 *       (attempt === 1 ? primary : replica).names(iata, { signal });
 */
export interface AsyncContext {
  /** Aborted when no caller waits for the result any more: its time ran out, or the iteration was left. Made at its first use. */
  readonly signal: AbortSignal;
  /** 1 = first. */
  readonly attempt: number;
  /** Clock milliseconds at which the record's time runs out; Infinity if it has no timeout. */
  readonly deadline: number;
}

/**
 * The idiomatic style: a function that returns a collection of 0 to n values, or a promise of one, and throws or rejects
 * if it fails. `null`, `undefined` and a single value that is no collection are the error `invalid_result`.
 *
 *     const names: AsyncFn<string, string> = async (iata, { signal }) => [await database.name(iata, { signal })];
 */
export interface AsyncFn<In, Out> {
  (input: In, context: AsyncContext): Promise<Iterable<Out>> | Iterable<Out>;
  /**
   * Called when the record's time ran out, after its call was aborted. The values that it returns, or the error that it
   * throws, are final. A promise gets the same time again; then the outcome is the error `timeout`. Without this
   * hook the outcome is that error at once.
   */
  readonly timeout?: (input: In, context: AsyncContext) => Promise<Iterable<Out>> | Iterable<Out>;
}

/**
 * Takes the first completion of a call. Every later one is ignored.
 *
 *     database.name(iata, (error, name) => (error ? result.completeExceptionally(error) : result.complete([name])));
 */
export interface ResultFuture<Out> {
  /** Gives the values of the record, 0 to n of them. A supplier is called at once; if it throws, the record fails. */
  complete(values: Iterable<Out> | (() => Iterable<Out>)): void;
  /** Fails the record with any value, usually an Error. */
  completeExceptionally(error: unknown): void;
}

/**
 * The callback style (Flink: AsyncFunction). A throw, or a promise that rejects, is an error of the record.
 *
 *     const names: AsyncFunction<string, string> = {
 *       asyncInvoke(iata, result) {
 *         database.name(iata, (error, name) => (error ? result.completeExceptionally(error) : result.complete([name])));
 *       },
 *     };
 */
export interface AsyncFunction<In, Out> {
  asyncInvoke(input: In, result: ResultFuture<Out>, context: AsyncContext): void;
  /**
   * Called when the record's time ran out, after its call was aborted. It may complete `result` now or later, and its
   * completion is final; a throw, or a promise that rejects, is an error of the record. It gets the same time again:
   * if it has not completed by then, `context.signal` is aborted and the outcome is the error `timeout`. Without this
   * hook the outcome is that error at once.
   */
  timeout?(input: In, result: ResultFuture<Out>, context: AsyncContext): void;
}

/** A function of either style. */
export type Fn<In, Out> = AsyncFn<In, Out> | AsyncFunction<In, Out>;

/** The outcome of a record whose time ran out, unless a timeout hook decides otherwise. */
export function timedOut(): RecordError {
  return new RecordError('timeout', 'the time of the record ran out before it had a result');
}

/** The values as an array. Throws RecordError `invalid_result` if they are no collection (semantics P3). */
export function collect<Out>(values: Iterable<Out>): readonly Out[] {
  return collectFrom('the function', values);
}

/** The same, for a function whose name is `giver` in the message. */
export function collectFrom<Out>(giver: string, values: Iterable<Out>): readonly Out[] {
  if (Array.isArray(values)) return values;
  if (typeof values === 'object' && values !== null && typeof values[Symbol.iterator] === 'function')
    return [...values];
  const shown = values === null || values === undefined ? String(values) : `a ${typeof values}`;
  throw new RecordError(
    'invalid_result',
    `${giver} gave ${shown}, but a result is a collection: [] for none, [value] for one`,
  );
}

/** Whether it is an AsyncFunction of the callback style. */
export function isAsyncFunction(value: unknown): value is AsyncFunction<never, unknown> {
  return (
    typeof value === 'object' && value !== null && 'asyncInvoke' in value && typeof value.asyncInvoke === 'function'
  );
}

export function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
