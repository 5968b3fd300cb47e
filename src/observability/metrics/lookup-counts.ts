import {
  type CacheCounts,
  type CallOutcome,
  callOutcomes,
  type LookupGauges,
  type LookupObserver,
  type TableCounts,
} from '../../core/observer/observer.ts';
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
  readonly #caches = new Set<() => CacheCounts>();
  readonly #tables = new Set<() => TableCounts>();
  /** What was counted by those that are closed. */
  #closedCaches: CacheCounts = { hit: 0, negative: 0, stale: 0, miss: 0, entries: 0, evictions: 0 };
  #closedTables: TableCounts['reloads'] = { ok: 0, failed: 0 };

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

  cache(read: () => CacheCounts): () => void {
    this.#caches.add(read);
    return () => {
      if (this.#caches.delete(read)) this.#closedCaches = { ...together(this.#closedCaches, read()), entries: 0 };
    };
  }

  table(read: () => TableCounts): () => void {
    this.#tables.add(read);
    return () => {
      if (this.#tables.delete(read)) this.#closedTables = together(this.#closedTables, read().reloads);
    };
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

  /** Of all that are open, counts since the start; undefined where the lookup has no cache. */
  cached(): CacheCounts | undefined {
    if (this.#caches.size === 0) return undefined;
    return Array.from(this.#caches, (read) => read()).reduce(together, this.#closedCaches);
  }

  /** Rows are those of the one that was opened last; undefined where the lookup is no table. */
  tabled(): TableCounts | undefined {
    const open = Array.from(this.#tables, (read) => read());
    const last = open.at(-1);
    if (last === undefined) return undefined;
    return { ...last, reloads: open.map(({ reloads }) => reloads).reduce(together, this.#closedTables) };
  }
}

/** Sums, name by name. */
function together<Counts extends { readonly [Name in keyof Counts]: number }>(one: Counts, other: Counts): Counts {
  const names = Object.keys(one) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as Counts;
}
