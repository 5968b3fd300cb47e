import { type CallOutcome, callOutcomes, type LookupGauges, type LookupObserver } from '../core/observer.ts';
import { Counters } from './counters.ts';
import { DurationHistogram } from './histogram.ts';
import { Recent } from './recent.ts';

/** A call that was cancelled, because nobody waited for it any more, is nobody's error. */
const failures: readonly CallOutcome[] = ['bad_status', 'unreachable', 'timeout', 'refused'];

/** One lookup's numbers. While a configuration replaces another, both may have it open: its gauges are the sums. */
export class LookupCounts implements LookupObserver {
  readonly calls = new Counters(callOutcomes);
  readonly durations = new DurationHistogram();
  readonly recent: Recent;
  retries = 0;
  readonly #reads = new Set<() => LookupGauges>();

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

  gauges(read: () => LookupGauges): () => void {
    this.#reads.add(read);
    return () => this.#reads.delete(read);
  }

  now(): LookupGauges {
    const sums = { inFlight: 0, queued: 0, connections: 0 };
    for (const read of this.#reads) {
      const gauges = read();
      sums.inFlight += gauges.inFlight;
      sums.queued += gauges.queued;
      sums.connections += gauges.connections;
    }
    return sums;
  }
}
