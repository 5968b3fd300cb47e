import { type CallOutcome, callOutcomes, type LookupGauges, type LookupObserver } from '../core/observer.ts';
import { Counters } from './counters.ts';
import { DurationHistogram } from './histogram.ts';
import { Recent } from './recent.ts';

/** A call that was cancelled, because nobody waited for it any more, is nobody's error. */
const failures: readonly CallOutcome[] = ['bad_status', 'unreachable', 'timeout', 'refused'];

const nothing: LookupGauges = { inFlight: 0, queued: 0, connections: 0 };

/** One lookup's numbers. */
export class LookupCounts implements LookupObserver {
  readonly calls = new Counters(callOutcomes);
  readonly durations = new DurationHistogram();
  readonly recent: Recent;
  retries = 0;
  #read: () => LookupGauges = () => nothing;

  constructor(nowMs: number) {
    this.recent = new Recent(nowMs, () => ({
      counts: { calls: this.durations.count, errors: this.errors, retries: this.retries },
      durations: this.durations,
    }));
  }

  /** Calls that have failed. */
  get errors(): number {
    return this.calls.sum(failures);
  }

  called(outcome: CallOutcome, ms: number): void {
    this.calls.add(outcome);
    this.durations.record(ms);
  }

  retried(): void {
    this.retries++;
  }

  gauges(read: () => LookupGauges): void {
    this.#read = read;
  }

  now(): LookupGauges {
    return this.#read();
  }
}
