import {
  allowsRetry,
  exponentialBackoff as exponential,
  fixedDelay as fixed,
  type Backoff,
} from '../../core/time/backoff.ts';
import { checkOptions, hasMethods, isWhole, shown, type OptionRule } from './option-rules.ts';

/**
 * Decides whether and when a call is made again (Flink: AsyncRetryStrategy). `attempt` is the number of the call that has
 * just ended, 1 = first. The methods must be pure, because one strategy serves all records. Without a predicate no call is
 * made again. If a method throws, the record fails with that error.
 *
 *     const thrice = { canRetry: (attempt) => attempt <= 3, delay: () => 100, ifError: () => true };
 */
export interface AsyncRetryStrategy<Out> {
  /** Whether another call may follow call number `attempt`. */
  canRetry(attempt: number): boolean;
  /** Milliseconds to wait before the next call. Rounded up; a negative number counts as 0. */
  delay(attempt: number): number;
  /** Whether a result, the whole collection, leads to another call. Default: no. */
  readonly ifResult?: ((values: readonly Out[]) => boolean) | undefined;
  /** Whether an error leads to another call. Default: no. */
  readonly ifError?: ((error: unknown) => boolean) | undefined;
}

interface RetryWhen<Out> {
  /**
   * The most retries of one record, a whole number of at least 0. The first call is not counted: with 3 there are at most
   * four calls, with 0 there is no retry. Example: `maxAttempts: 3`.
   */
  readonly maxAttempts: number;
  /**
   * Whether a result, the whole collection, leads to another call. Default: no result does.
   * Example: `ifResult: RetryPredicates.emptyResult`.
   */
  readonly ifResult?: (values: readonly Out[]) => boolean;
  /**
   * Whether an error leads to another call. Default: no error does.
   * Example: `ifError: RetryPredicates.errorType(TypeError)`.
   */
  readonly ifError?: (error: unknown) => boolean;
}

export interface FixedDelayOptions<Out> extends RetryWhen<Out> {
  /** Milliseconds between the end of a call and the next call, at least 0. Example: `delayMs: 100`. */
  readonly delayMs: number;
}

export interface ExponentialBackoffOptions<Out> extends RetryWhen<Out> {
  /** Milliseconds before the first retry, at least 0. Example: `initialDelayMs: 100`. */
  readonly initialDelayMs: number;
  /** The longest wait in milliseconds, at least `initialDelayMs`. Example: `maxDelayMs: 10_000`. */
  readonly maxDelayMs: number;
  /** The factor from one wait to the next, at least 1. 1 = waits of equal length. Example: `multiplier: 2`. */
  readonly multiplier: number;
}

/**
 * The strategies of the library. Any other object with `canRetry` and `delay` is a strategy as well.
 *
 *     AsyncRetryStrategies.fixedDelay({ maxAttempts: 2, delayMs: 100, ifError: RetryPredicates.anyError })
 */
export const AsyncRetryStrategies = { fixedDelay, exponentialBackoff } as const;

const milliseconds: OptionRule = {
  rule: 'milliseconds, at least 0',
  required: true,
  holds: (value) => Number.isFinite(value) && Number(value) >= 0,
};

const predicate: OptionRule = {
  rule: 'a function that returns true or false',
  holds: (value) => typeof value === 'function',
};

const when = {
  maxAttempts: {
    rule: 'the number of retries, a whole number of at least 0',
    required: true,
    holds: (value: unknown) => isWhole(value, 0),
  },
  ifResult: predicate,
  ifError: predicate,
};

/** Waits the same time before every retry. Throws TypeError if an option is unknown, wrong or missing. */
function fixedDelay<Out>(options: FixedDelayOptions<Out>): AsyncRetryStrategy<Out> {
  checkOptions('AsyncRetryStrategies.fixedDelay', options, { ...when, delayMs: milliseconds });
  return strategy(options, fixed(options.delayMs));
}

/**
 * Waits `min(initialDelayMs × multiplier^(n - 1), maxDelayMs)` before retry n: with 100, 2000 and 2 that is 100, 200,
 * 400, 800, 1600, 2000, 2000, … Throws TypeError if an option is unknown, wrong or missing.
 */
function exponentialBackoff<Out>(options: ExponentialBackoffOptions<Out>): AsyncRetryStrategy<Out> {
  const name = 'AsyncRetryStrategies.exponentialBackoff';
  checkOptions(name, options, {
    ...when,
    initialDelayMs: milliseconds,
    maxDelayMs: milliseconds,
    multiplier: {
      rule: 'a number of at least 1',
      required: true,
      holds: (value) => Number.isFinite(value) && Number(value) >= 1,
    },
  });
  const { initialDelayMs: initialMs, maxDelayMs: maxMs, multiplier } = options;
  if (maxMs < initialMs) {
    throw new TypeError(`${name}: maxDelayMs is at least initialDelayMs, ${initialMs}, not ${maxMs}`);
  }
  return strategy(options, exponential({ initialMs, maxMs, multiplier }));
}

/**
 * Predicates for `ifResult` and `ifError`.
 *
 *     AsyncRetryStrategies.fixedDelay({ maxAttempts: 2, delayMs: 100, ifResult: RetryPredicates.emptyResult })
 */
export const RetryPredicates = {
  /** True for a collection without values. */
  emptyResult: (values: readonly unknown[]): boolean => values.length === 0,
  /** True for every error. */
  anyError: (_error: unknown): boolean => true,
  /** Returns a predicate that is true for instances of a class and of its subclasses. Throws TypeError if the argument is no class. */
  errorType,
} as const;

function errorType(type: abstract new (...args: never[]) => unknown): (error: unknown) => boolean {
  if (typeof type !== 'function') {
    throw new TypeError(`RetryPredicates.errorType: the argument is a class, as TypeError is, not ${shown(type)}`);
  }
  return (error) => error instanceof type;
}

/** Whether a value has the methods of a strategy. */
export function isStrategy(value: unknown): boolean {
  if (!hasMethods(value, 'canRetry', 'delay')) return false;
  return ['ifResult', 'ifError'].every((name) => {
    const member: unknown = Reflect.get(value, name);
    return member === undefined || typeof member === 'function';
  });
}

function strategy<Out>({ maxAttempts, ifResult, ifError }: RetryWhen<Out>, backoff: Backoff): AsyncRetryStrategy<Out> {
  return {
    canRetry: (attempt) => allowsRetry(maxAttempts, attempt),
    delay: (attempt) => backoff.delayMs(attempt),
    ifResult,
    ifError,
  };
}
