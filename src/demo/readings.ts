/** One scrape of the service: values by series, as `name{label="value"}`. */
export type Readings = ReadonlyMap<string, number>;

const sample = /^([a-zA-Z0-9_:]+(?:\{.*\})?) (\S+)$/;

export function readings(exposition: string): Readings {
  const values = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    const [, series, value] = sample.exec(line) ?? [];
    if (series !== undefined) values.set(series, Number(value));
  }
  return values;
}

/**
 * The quantile `q` of the durations between two scrapes, from admission to emission, in milliseconds. It is interpolated
 * in a bucket as Prometheus' `histogram_quantile` does. Undefined if no record was written between the scrapes.
 */
export function recordQuantileMs(before: Readings, after: Readings, q: number): number | undefined {
  const buckets = [...after]
    .flatMap(([series, count]) => {
      const bound = /^millrace_record_duration_seconds_bucket\{.*le="([^"]+)"/.exec(series)?.[1];
      if (bound === undefined) return [];
      return [{ ms: bound === '+Inf' ? Infinity : Number(bound) * 1000, count: count - (before.get(series) ?? 0) }];
    })
    .toSorted((a, b) => a.ms - b.ms);
  const rank = q * (buckets.at(-1)?.count ?? 0);
  let from = { ms: 0, count: 0 };
  for (const to of buckets) {
    if (to.count > 0 && to.count >= rank) {
      if (to.ms === Infinity) return from.ms;
      return from.ms + ((to.ms - from.ms) * (rank - from.count)) / Math.max(1, to.count - from.count);
    }
    from = to;
  }
  return undefined;
}

export const inFlight = (values: Readings): number => values.get('millrace_in_flight{pipeline="flights"}') ?? 0;

export const residentBytes = (values: Readings): number => values.get('process_resident_memory_bytes') ?? 0;
