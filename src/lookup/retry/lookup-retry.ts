import { allowsRetry, exponentialBackoff, withFullJitter } from '../../core/time/backoff.ts';
import { RecordError } from '../../core/errors.ts';
import type { LookupObserver } from '../../core/observer/observer.ts';
import type { Clock, Random } from '../../core/time/time.ts';
import { RetryBudget } from './budget.ts';
import { Answer, type LookupLayer } from '../lookup.ts';
import { retry, type RetryRules } from './retry.ts';
import type { RetryOptions } from './retry-options.ts';

export interface LookupRetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Pick<LookupObserver, 'retried'>;
  /** The budget, if other layers share it; otherwise the layer has its own, of the same size. */
  readonly budget?: RetryBudget | undefined;
}

/**
 * The layer `retry` of a lookup, from its configuration.
 *
 *     retry: { attempts: 3, backoff: { initial: 100ms, max: 2s }, on: [unreachable, timeout, 429, 503] }
 *
 *     const service = lookupRetry(options, { clock, random, observer })(connector.call);
 *
 * `Retry-After` is the least wait; if it does not fit into the record's deadline, the failure is final. The final error
 * has the number of calls and the last HTTP status, and the final answer has the number of calls.
 */
export function lookupRetry(options: RetryOptions, deps: LookupRetryDeps): LookupLayer {
  return retry(lookupRules(options, deps), deps);
}

function lookupRules(
  options: RetryOptions,
  { clock, random, observer, budget: shared }: LookupRetryDeps,
): RetryRules<Answer> {
  const { attempts: retries, onMiss } = options;
  const on = new Set<string | number>(options.on);
  const { initial: initialMs, max: maxMs, multiplier, jitter } = options.backoff;
  const exponential = exponentialBackoff({ initialMs, maxMs, multiplier });
  const backoff = jitter === 'full' ? withFullJitter(exponential, random) : exponential;
  const budget = shared ?? new RetryBudget(options.budget, clock);
  return {
    canRetry: (attempt) => allowsRetry(retries, attempt),
    onResult: (answer) => onMiss && answer.json === undefined,
    onError(error) {
      const { code, details } = RecordError.from(error);
      if (details.final === true) return false;
      return on.has(code) || (details.status !== undefined && on.has(details.status));
    },
    madeCall: (error) => !(error instanceof RecordError && error.details.attempts === 0),
    delayMs: (attempt, error) => Math.max(backoff.delayMs(attempt), retryAfterMs(error)),
    permit: () => budget.permit(),
    called: (nowMs) => budget.called(nowMs),
    retried: () => observer.retried(),
    finalResult(answer, attempts) {
      if (answer.attempts === attempts) return answer;
      return new Answer(answer.json, attempts, answer.source, answer.freshness);
    },
    failure: (error, attempts, earlier) => counted(RecordError.from(error), attempts, earlier),
  };
}

function retryAfterMs(error: unknown): number {
  return error instanceof RecordError ? (error.details.retryAfterMs ?? 0) : 0;
}

function counted(error: RecordError, attempts: number, earlier: unknown): RecordError {
  // The record lacks an argument, so no call was made.
  if (error.code === 'missing_argument') return error;
  const before = earlier instanceof RecordError ? earlier.details : {};
  const status = error.details.status ?? before.status;
  return error.with(status === undefined ? { attempts } : { attempts, status });
}
