import type { LayerGauges } from '../../../core/observer/observer.ts';

/** Totals and current figures of a layer, by name. */
export type LayerFigures = Readonly<Record<string, number>>;

/**
 * The figures of one layer of a lookup.
 *
 * During a reload the old and the new configuration may both have the layer open: figures are sums over both. The totals
 * of a closed layer are part of the totals of its successor.
 */
export class LayerCounts {
  readonly #open = new Set<() => LayerGauges>();
  #closedTotals: LayerFigures = {};

  /** Adds a source of figures; the returned function removes it. */
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

  /** Undefined if no configuration has the layer open, or if the layer has only a queue. */
  figures(): LayerFigures | undefined {
    let figures: LayerFigures | undefined;
    for (const read of this.#open) {
      const { totals, now, latest } = read();
      if (totals !== undefined || now !== undefined)
        figures = { ...sum(sum(figures ?? this.#closedTotals, totals), now), ...latest };
    }
    return figures;
  }
}

/** Sums, name by name; a name that one side does not have counts as 0 there. */
export function sum<Figures extends LayerFigures>(one: Figures, other: LayerFigures = {}): Figures {
  const sums: Record<string, number> = { ...one };
  for (const [name, value] of Object.entries(other)) sums[name] = (sums[name] ?? 0) + value;
  return sums as Figures;
}
