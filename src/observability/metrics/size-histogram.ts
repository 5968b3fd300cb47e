/** Numbers of things in buckets of 1, 2 and 5 times a power of ten, up to 10,000. */
const bounds = [1, 10, 100, 1000].flatMap((unit) => [1, 2, 5].map((step) => step * unit)).concat(10_000);

export class SizeHistogram {
  readonly bounds: readonly number[] = bounds;
  readonly #counts = new Float64Array(bounds.length + 1);
  count = 0;
  sum = 0;

  record(size: number): void {
    const place = bounds.findIndex((bound) => size <= bound);
    const cell = place < 0 ? bounds.length : place;
    this.#counts[cell] = (this.#counts[cell] ?? 0) + 1;
    this.count++;
    this.sum += size;
  }

  /** For each bound: the number of sizes that are not larger. */
  cumulative(): readonly number[] {
    let total = 0;
    return bounds.map((_, place) => (total += this.#counts[place] ?? 0));
  }
}
