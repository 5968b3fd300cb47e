import {
  allowsRetry,
  exponentialBackoff as exponential,
  fixedDelay as fixed,
  type Backoff,
} from '../../core/time/backoff.ts';
import { checkOptions, hasMethods, isWhole, shown, type OptionRule } from './option-rules.ts';

/**
 * When a call is made again (Flink: AsyncRetryStrategy). `attempt` is the number of the call that has just ended,
 * 1 = first. The methods are pure: one strategy serves all records. Without a predicate no call is made again. What a
 * method throws is the error of the record.
 */
export interface AsyncRetryStrategy<Out> {
  /** Whether another call may follow at all. */
  canRetry(attempt: number): boolean;
  /** Milliseconds to wait before the next call; rounded up, and below 0 as 0. */
  delay(attempt: number): number;
  /** Whether a result, the whole collection, is worth another call. */
  readonly ifResult?: ((values: readonly Out[]) => boolean) | undefined;
  /** Whether an error is worth another call. */
  readonly ifError?: ((error: unknown) => boolean) | undefined;
}

interface RetryWhen<Out> {
  /**
   * Retries of one record, a whole number of at least 0: the first call is not counted, so 3 is four calls at most, and
   * 0 is never a retry.
   */
  readonly maxAttempts: number;
  /** Whether a result, the whole collection, is worth another call. Default: none is. */
  readonly ifResult?: (values: readonly Out[]) => boolean;
  /** Whether an error is worth another call. Default: none is. */
  readonly ifError?: (error: unknown) => boolean;
}

export interface FixedDelayOptions<Out> extends RetryWhen<Out> {
  /** Milliseconds between the end of a call and the next one, at least 0. */
  readonly delayMs: number;
}

export interface ExponentialBackoffOptions<Out> extends RetryWhen<Out> {
  /** Milliseconds before the first retry, at least 0. */
  readonly initialDelayMs: number;
  /** Milliseconds that no wait is longer than, at least `initialDelayMs`. */
  readonly maxDelayMs: number;
  /** By how much each wait is longer than the one before, at least 1. */
  readonly multiplier: number;
}

/**
 * The strategies that come with the library; any other object with `canRetry` and `delay` is a strategy as well.
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
  rule: 'a function that gives true or false',
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

/** Waits the same time before every retry. Throws TypeError for options that are unknown, wrong or missing. */
function fixedDelay<Out>(options: FixedDelayOptions<Out>): AsyncRetryStrategy<Out> {
  checkOptions('AsyncRetryStrategies.fixedDelay', options, { ...when, delayMs: milliseconds });
  return strategy(options, fixed(options.delayMs));
}

/**
 * Waits `min(initialDelayMs × multiplier^(n - 1), maxDelayMs)` before retry n: with 100, 2000 and 2 that is 100, 200,
 * 400, 800, 1600, 2000, 2000, … Throws TypeError for options that are unknown, wrong or missing.
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

/** The usual answers to "is this worth another call?", for `ifResult` and `ifError`. */
export const RetryPredicates = {
  /** True for a collection without values. */
  emptyResult: (values: readonly unknown[]): boolean => values.length === 0,
  /** True for every error. */
  anyError: (_error: unknown): boolean => true,
  /** Gives a predicate that is true for instances of the class and of its subclasses. Throws TypeError for what is no class. */
  errorType,
} as const;

function errorType(type: abstract new (...args: never[]) => unknown): (error: unknown) => boolean {
  if (typeof type !== 'function') {
    throw new TypeError(`RetryPredicates.errorType: the argument is a class, as TypeError is, not ${shown(type)}`);
  }
  return (error) => error instanceof type;
}

/** Whether it has what a strategy needs. */
export function isStrategy(value: unknown): boolean {
  if (!hasMethods(value, 'canRetry', 'delay')) return false;
  return ['ifResult', 'ifError'].every((name) => {
    const asked: unknown = Reflect.get(value, name);
    return asked === undefined || typeof asked === 'function';
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
