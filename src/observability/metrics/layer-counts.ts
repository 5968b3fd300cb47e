import type { LayerGauges } from '../../core/observer/observer.ts';

/** Totals and present figures of a layer, by name. */
export type LayerFigures = Readonly<Record<string, number>>;

/**
 * The figures of one layer of a lookup.
 *
 * While a configuration replaces another, both may have the layer open: figures are sums over both. The totals of a
 * layer that is closed go on in the totals of its successor.
 */
export class LayerCounts {
  readonly #open = new Set<() => LayerGauges>();
  #closedTotals: LayerFigures = {};

  /** The returned function ends the reading. */
  add(read: () => LayerGauges): () => void {
    this.#open.add(read);
    return () => {
      if (this.#open.delete(read)) this.#closedTotals = sum(this.#closedTotals, read().totals);
    };
  }

  get queued(): number {
    let queued = 0;
    for (const read of this.#open) queued += read().queued ?? 0;
    return queued;
  }

  /** Undefined if no configuration has the layer open, or if it shows nothing but its queue. */
  figures(): LayerFigures | undefined {
    let figures: LayerFigures | undefined;
    for (const read of this.#open) {
      const { totals, now } = read();
      if (totals !== undefined || now !== undefined) figures = sum(sum(figures ?? this.#closedTotals, totals), now);
    }
    return figures;
  }
}

function sum(one: LayerFigures, other: LayerFigures = {}): LayerFigures {
  const sums: Record<string, number> = { ...one };
  for (const [name, value] of Object.entries(other)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}
