import type { Random } from './time.ts';

/**
 * How long to wait before a call is made again, as a pure function of the number of the call that failed.
 *
 * A backoff has no state: one backoff serves all records alike, and each record starts at the beginning
 * (Flink's strategy kept its state between records, FLINK-33698).
 */
export interface Backoff {
  /** Milliseconds between call number `attempt` (1 = first) and the next call. */
  delayMs(attempt: number): number;
}

export interface ExponentialBackoff {
  readonly initialMs: number;
  readonly maxMs: number;
  /** At least 1. */
  readonly multiplier: number;
}

/** `min(initial × multiplier^(attempt - 1), max)`. */
export function exponentialBackoff({ initialMs, maxMs, multiplier }: ExponentialBackoff): Backoff {
  // The power grows to Infinity, and 0 times Infinity is NaN.
  const delayMs = (attempt: number): number => Math.min(initialMs * multiplier ** (attempt - 1), maxMs);
  return { delayMs: initialMs === 0 ? () => 0 : delayMs };
}

export function fixedDelay(delayMs: number): Backoff {
  return { delayMs: () => delayMs };
}

/** A random time between 0 and that of `backoff`: calls that failed together are not made again together ("full jitter"). */
export function withFullJitter(backoff: Backoff, random: Random): Backoff {
  return { delayMs: (attempt) => backoff.delayMs(attempt) * random() };
}

/** Whether a retry may follow call number `attempt`. `retries` is the limit; the first call is not a retry. */
export function allowsRetry(retries: number, attempt: number): boolean {
  return attempt <= retries;
}
