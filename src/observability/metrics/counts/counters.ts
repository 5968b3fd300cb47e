/**
 * One counter for each name of a closed list. All counters exist from the start: every label value is published from the
 * first scrape on, so that `rate()` sees the first event.
 *
 *     cells   'enriched' -> { count }   'missed' -> { count }   …
 *
 * With many names, finding a cell in a Map costs a third of `object[name]++`.
 */
export class Counters<Name extends string> {
  readonly #cells: ReadonlyMap<Name, { count: number }>;
  /** The name that was counted last: in most cases the next one is the same. */
  #name: Name | undefined;
  #cell: { count: number } | undefined;

  constructor(names: readonly Name[]) {
    this.#cells = new Map(names.map((name) => [name, { count: 0 }]));
  }

  /** A name that is not in the list is ignored. */
  add(name: Name, amount = 1): void {
    if (name !== this.#name) {
      this.#name = name;
      this.#cell = this.#cells.get(name);
    }
    if (this.#cell !== undefined) this.#cell.count += amount;
  }

  /** The sum of these counts. */
  sum(names: Iterable<Name>): number {
    let sum = 0;
    for (const name of names) sum += this.#cells.get(name)?.count ?? 0;
    return sum;
  }

  toObject(): Record<Name, number> {
    return Object.fromEntries([...this.#cells].map(([name, { count }]) => [name, count])) as Record<Name, number>;
  }
}
