/**
 * Durations in buckets. Recording one is a table lookup and two additions, and allocates nothing.
 *
 *     bounds   0.1  0.11 ... 1   1.1 ... 10 ... 100 000      milliseconds, 19 to the decade
 *     counts [ ≤    ≤        ≤   ≤       ≤      ≤         > ]  one more than bounds: durations beyond the last bound
 *     first    for each sixteenth of an octave: the first bound that a duration in it can have
 *
 * Two neighbouring bounds are at most 20 % apart, so that a quantile interpolated between them is exact to a few per cent.
 * Published histograms have the coarser bounds of `publishedBoundsMs`, each of which is also a bound here.
 */
const stepsOfADecade = [1, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9];

const boundsMs = Float64Array.from([
  ...[0.1, 1, 10, 100, 1000, 10_000].flatMap((unit) => stepsOfADecade.map((step) => step * unit)),
  100_000,
]);

/** To find its cell, a duration is rounded down to 1/1024 milliseconds, and limited to 2^31 of them: 35 minutes. */
const unitsOfAMs = 1024;
const mostUnits = 2 ** 31 - 1;

/** The leading bit of a number and the four bits after it, as one number that grows with the input. */
function cellOf(units: number): number {
  if (units < 16) return units;
  const leading = 31 - Math.clz32(units);
  return ((leading - 3) << 4) | ((units >>> (leading - 4)) & 15);
}

const cells = cellOf(mostUnits) + 1;

const firstBound = Uint16Array.from({ length: cells }, (_, cell) => {
  const lowest = cell < 16 ? cell : (16 + (cell & 15)) * 2 ** ((cell >> 4) - 1);
  const place = boundsMs.findIndex((bound) => bound >= lowest / unitsOfAMs);
  return place < 0 ? boundsMs.length : place;
});

/**
 * Milliseconds: six for each decade, from the fastest lookup over a network to one minute, a long timeout. With six bounds
 * the error of `histogram_quantile` is below a third; with the usual 1, 2.5, 5 it is up to a factor of two.
 */
export const publishedBoundsMs: readonly number[] = [
  ...[1, 10, 100, 1000].flatMap((unit) => [1, 1.5, 2, 3, 5, 7].map((step) => step * unit)),
  10_000,
  15_000,
  20_000,
  30_000,
  60_000,
];

const publishedBounds: readonly number[] = publishedBoundsMs.map((bound) => bound / 1000);

export class DurationHistogram {
  readonly #counts = new Float64Array(boundsMs.length + 1);
  #sumMs = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** The published bounds, in seconds. */
  get bounds(): readonly number[] {
    return publishedBounds;
  }

  /** Seconds. */
  get sum(): number {
    return this.#sumMs / 1000;
  }

  /** Counts `count` equal durations in milliseconds. A negative one, and NaN, count as zero. */
  record(ms: number, count = 1): void {
    const value = ms > 0 ? ms : 0;
    let place = firstBound[cellOf(Math.min(value * unitsOfAMs, mostUnits) | 0)] ?? 0;
    while (value > (boundsMs[place] ?? Infinity)) place++;
    this.#counts[place] = (this.#counts[place] ?? 0) + count;
    this.#sumMs += value * count;
    this.#count += count;
  }

  copy(): DurationHistogram {
    return this.since(new DurationHistogram());
  }

  /** The durations that were counted after `earlier`, which is a copy of this histogram. */
  since(earlier: DurationHistogram): DurationHistogram {
    const later = new DurationHistogram();
    for (const [place, count] of this.#counts.entries()) later.#counts[place] = count - (earlier.#counts[place] ?? 0);
    later.#sumMs = this.#sumMs - earlier.#sumMs;
    later.#count = this.#count - earlier.#count;
    return later;
  }

  /** For each bound of `publishedBoundsMs`: the number of durations that are not longer. */
  cumulative(): readonly number[] {
    const counts: number[] = [];
    let total = 0;
    let place = 0;
    for (const bound of publishedBoundsMs) {
      while (place < boundsMs.length && (boundsMs[place] ?? Infinity) <= bound) total += this.#counts[place++] ?? 0;
      counts.push(total);
    }
    return counts;
  }

  /** The duration that the share `q` (0 to 1) of all durations does not exceed, interpolated; undefined before the first one. */
  quantileMs(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = q * this.#count;
    let below = 0;
    for (let place = 0; place < boundsMs.length; place++) {
      const here = this.#counts[place] ?? 0;
      if (here > 0 && below + here >= rank) {
        const from = boundsMs[place - 1] ?? 0;
        const to = boundsMs[place] ?? from;
        return from + (to - from) * Math.max(0, (rank - below) / here);
      }
      below += here;
    }
    return boundsMs.at(-1);
  }
}
