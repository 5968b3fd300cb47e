import type { Random } from './time.ts';

/**
 * How long to wait before trying again, as pure functions of the number of the call that has failed.
 *
 * Nothing is counted in here: one backoff serves all records alike, and each of them starts at the beginning
 * (Flink's strategy kept its state between records, FLINK-33698).
 */
export interface Backoff {
  /** Milliseconds between call number `attempt` (1 = first) and the one after it. */
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
  // The power grows to Infinity, and nothing times Infinity is no number.
  const delayMs = (attempt: number): number => Math.min(initialMs * multiplier ** (attempt - 1), maxMs);
  return { delayMs: initialMs === 0 ? () => 0 : delayMs };
}

export function fixedDelay(delayMs: number): Backoff {
  return { delayMs: () => delayMs };
}

/** Any time up to that of `backoff`: calls that failed together do not come back together ("full jitter"). */
export function withFullJitter(backoff: Backoff, random: Random): Backoff {
  return { delayMs: (attempt) => backoff.delayMs(attempt) * random() };
}

/** Whether a retry may follow call number `attempt`, where `retries` are made at most: one call more than that. */
export function allowsRetry(retries: number, attempt: number): boolean {
  return attempt <= retries;
}
