import { allowsRetry, exponentialBackoff as exponential, fixedDelay as fixed, type Backoff } from '../core/backoff.ts';

/**
 * When a call is made again (Flink: AsyncRetryStrategy). `attempt` is the number of the call that has just ended,
 * 1 = first. The methods are pure: one strategy serves all records. Without a predicate nothing is made again.
 */
export interface AsyncRetryStrategy<Out> {
  canRetry(attempt: number): boolean;
  /** Milliseconds to wait before the next call. */
  delay(attempt: number): number;
  /** Whether a result, the whole collection, is worth another call. */
  readonly ifResult?: ((values: readonly Out[]) => boolean) | undefined;
  readonly ifError?: ((error: unknown) => boolean) | undefined;
}

export interface RetryWhen<Out> {
  /** Retries of one record: the first call is not counted, 3 is four calls at most. */
  readonly maxAttempts: number;
  readonly ifResult?: (values: readonly Out[]) => boolean;
  readonly ifError?: (error: unknown) => boolean;
}

export interface FixedDelayOptions<Out> extends RetryWhen<Out> {
  readonly delayMs: number;
}

export interface ExponentialBackoffOptions<Out> extends RetryWhen<Out> {
  readonly initialDelayMs: number;
  /** At least `initialDelayMs`. */
  readonly maxDelayMs: number;
  /** At least 1. */
  readonly multiplier: number;
}

/** The strategies that there are; anything else of their shape is one as well. */
export const AsyncRetryStrategies = { fixedDelay, exponentialBackoff } as const;

/** Waits the same time before every retry. Throws RangeError for options that can not be. */
function fixedDelay<Out>(options: FixedDelayOptions<Out>): AsyncRetryStrategy<Out> {
  const name = 'AsyncRetryStrategies.fixedDelay';
  checkMs(name, 'delayMs', options.delayMs);
  return strategy(name, options, fixed(options.delayMs));
}

/** Waits `min(initialDelayMs × multiplier^(n - 1), maxDelayMs)` before retry n. Throws RangeError for options that can not be. */
function exponentialBackoff<Out>(options: ExponentialBackoffOptions<Out>): AsyncRetryStrategy<Out> {
  const name = 'AsyncRetryStrategies.exponentialBackoff';
  const { initialDelayMs: initialMs, maxDelayMs: maxMs, multiplier } = options;
  checkMs(name, 'initialDelayMs', initialMs);
  checkMs(name, 'maxDelayMs', maxMs);
  if (maxMs < initialMs) {
    throw new RangeError(`${name}: maxDelayMs is at least initialDelayMs, ${initialMs}, not ${maxMs}`);
  }
  if (!Number.isFinite(multiplier) || multiplier < 1) {
    throw new RangeError(`${name}: multiplier is a number of at least 1, not ${String(multiplier)}`);
  }
  return strategy(name, options, exponential({ initialMs, maxMs, multiplier }));
}

/** The usual answers to "is this worth another call?". */
export const RetryPredicates = {
  emptyResult: (values: readonly unknown[]): boolean => values.length === 0,
  anyError: (_error: unknown): boolean => true,
  /** True for instances of the class. */
  errorType:
    (type: abstract new (...args: never[]) => unknown) =>
    (error: unknown): boolean =>
      error instanceof type,
} as const;

function strategy<Out>(name: string, when: RetryWhen<Out>, backoff: Backoff): AsyncRetryStrategy<Out> {
  const { maxAttempts, ifResult, ifError } = when;
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 0) {
    throw new RangeError(
      `${name}: maxAttempts is the number of retries, a whole number of at least 0, not ${String(maxAttempts)}`,
    );
  }
  return {
    canRetry: (attempt) => allowsRetry(maxAttempts, attempt),
    delay: (attempt) => backoff.delayMs(attempt),
    ifResult,
    ifError,
  };
}

function checkMs(name: string, option: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`${name}: ${option} is milliseconds, at least 0, not ${String(ms)}`);
}
