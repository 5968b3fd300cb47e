import type { Plan, RetryPlan } from './plan.ts';
import type { Produced, RecordState } from './record-state.ts';

/** Whether, and when, a record is attempted again, by R1 to R6. */
export class RetryModel {
  readonly #retry: RetryPlan | undefined;
  /** The share of the full delay that jitter leaves in this event: the same for all records of the event. */
  jitter = 1;
  /** The number of the event in which waits were cut short. */
  endedIn: number | undefined = undefined;
  /** The rule by which the latest outcome was final. */
  refusedBy = 'R1';

  constructor(plan: Plan) {
    this.#retry = plan.retry;
  }

  /** Undefined if the outcome is final. */
  waitMs(record: RecordState, produced: Produced, now: number): number | undefined {
    const retry = this.#retry;
    if (retry === undefined || !worthRetry(produced)) return this.#refuse('R1');
    if (this.endedIn !== undefined) return this.#refuse('R6');
    if (record.attempt > retry.retries) return this.#refuse('R2');
    const waitMs = Math.ceil(this.#delayMs(retry, record.attempt));
    return now + waitMs < record.due ? waitMs : this.#refuse('R4');
  }

  #refuse(rule: string): undefined {
    this.refusedBy = rule;
  }

  #delayMs(retry: RetryPlan, attempt: number): number {
    if (retry.kind === 'fixed') return retry.initialMs;
    let delayMs = retry.initialMs;
    for (let before = 1; before < attempt && delayMs < retry.maxMs; before++) delayMs *= retry.multiplier;
    delayMs = Math.min(delayMs, retry.maxMs);
    return retry.kind === 'jitter' ? delayMs * this.jitter : delayMs;
  }
}

/** True for an empty result, an attempt that timed out, and an error that is marked as transient. */
export function worthRetry(produced: Produced): boolean {
  return typeof produced === 'string'
    ? produced === 'timeout' || produced.startsWith('transient')
    : produced.length === 0;
}
