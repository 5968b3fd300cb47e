import {
  type CallOutcome,
  callOutcomes,
  type LayerGauges,
  type LookupGauges,
  type LookupObserver,
  type TableCounts,
} from '../../../core/observer/observer.ts';
import { Counters } from './counters.ts';
import { DurationHistogram } from '../histogram.ts';
import { LayerCounts, type LayerFigures, sum } from './layer-counts.ts';
import { Recent } from '../recent.ts';
import { SizeHistogram } from '../size-histogram.ts';

/** Outcomes that count as errors. A cancelled call is not an error: no caller waited for it any more. */
const failures: readonly CallOutcome[] = ['bad_status', 'unreachable', 'timeout', 'refused'];

/** The counts of one lookup. During a reload the old and the new configuration may both have it open: gauges are sums. */
export class LookupCounts implements LookupObserver {
  readonly calls = new Counters(callOutcomes);
  readonly durations = new DurationHistogram();
  /** Requests of each batch. */
  readonly batchSizes = new SizeHistogram();
  readonly recent: Recent;
  retries = 0;
  readonly #reads = new Set<() => LookupGauges>();
  readonly #layers = new Map<string, LayerCounts>();
  readonly #tables = new Set<() => TableCounts>();
  /** The counts of tables that are closed. */
  #closedTables: TableCounts['reloads'] = { ok: 0, failed: 0 };

  constructor(nowMs: number) {
    this.recent = new Recent(nowMs, () => ({
      counts: { calls: this.calls.sum(callOutcomes), errors: this.errors, retries: this.retries },
      durations: this.durations,
    }));
  }

  /** Calls that have failed. */
  get errors(): number {
    return this.calls.sum(failures);
  }

  called(outcome: CallOutcome, ms: number, count = 1): void {
    this.calls.add(outcome, count);
    // A refused call was not made.
    if (outcome !== 'refused') this.durations.record(ms, count);
  }

  retried(): void {
    this.retries++;
  }

  batched(requests: number): void {
    this.batchSizes.record(requests);
  }

  gauges(read: () => LookupGauges): () => void {
    this.#reads.add(read);
    return () => this.#reads.delete(read);
  }

  layer(name: string, read: () => LayerGauges): () => void {
    const layer = this.#layers.get(name) ?? new LayerCounts();
    this.#layers.set(name, layer);
    return layer.add(read);
  }

  table(read: () => TableCounts): () => void {
    this.#tables.add(read);
    return () => {
      if (this.#tables.delete(read)) this.#closedTables = sum(this.#closedTables, read().reloads);
    };
  }

  sums(): LookupGauges {
    const sums = { inFlight: 0, queued: 0, connections: 0 };
    for (const read of this.#reads) {
      const gauges = read();
      sums.inFlight += gauges.inFlight;
      sums.queued += gauges.queued;
      sums.connections += gauges.connections;
    }
    for (const layer of this.#layers.values()) sums.queued += layer.queued;
    return sums;
  }

  /** By layer, the figures of each open layer that has any: totals since the start, and current figures. */
  layers(): Readonly<Record<string, LayerFigures>> {
    const figures: Record<string, LayerFigures> = {};
    for (const [name, layer] of this.#layers) {
      const sums = layer.figures();
      if (sums !== undefined) figures[name] = sums;
    }
    return figures;
  }

  /** The counts of all tables since the start, and the rows of the one opened last; undefined if the lookup is not a table. */
  tables(): TableCounts | undefined {
    const open = Array.from(this.#tables, (read) => read());
    const last = open.at(-1);
    if (last === undefined) return undefined;
    return {
      ...last,
      reloads: open.map(({ reloads }) => reloads).reduce((one, other) => sum(one, other), this.#closedTables),
    };
  }
}
