import { type CallOutcome, callOutcomes, type LookupGauges, type LookupObserver } from '../core/observer.ts';
import { Counters } from './counters.ts';
import { DurationHistogram } from './histogram.ts';

const nothing: LookupGauges = { inFlight: 0, queued: 0, connections: 0 };

/** One lookup's numbers. */
export class LookupCounts implements LookupObserver {
  readonly calls = new Counters(callOutcomes);
  readonly durations = new DurationHistogram();
  retries = 0;
  #read: () => LookupGauges = () => nothing;

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
