import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * Metrics of prom-client that hold no values between scrapes: each scrape fills them.
 */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** One labelled value. */
export type Sample<Value> = readonly [labels: Readonly<Record<string, string>>, value: Value];

export function publishCounter(registry: Registry, family: Family, read: () => Iterable<Sample<number>>): void {
  const counter: Counter = new Counter({
    ...family,
    registers: [registry],
    collect() {
      counter.reset();
      for (const [labels, value] of read()) counter.inc(labels, value);
    },
  });
}

export function publishGauge(registry: Registry, family: Family, read: () => Iterable<Sample<number>>): void {
  const gauge: Gauge = new Gauge({
    ...family,
    registers: [registry],
    collect() {
      gauge.reset();
      for (const [labels, value] of read()) gauge.set(labels, value);
    },
  });
}

/** A histogram with its bounds and its sum in the unit of the metric. */
interface PublishedHistogram {
  readonly bounds: readonly number[];
  readonly count: number;
  readonly sum: number;
  /** For each bound: the number of values that are not larger. */
  cumulative(): readonly number[];
}

export function publishHistogram(
  registry: Registry,
  family: Family,
  read: () => Iterable<Sample<PublishedHistogram>>,
): void {
  registry.registerMetric(new FilledHistogram(family, read));
}

interface BucketValue {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/**
 * A histogram that has its values only when it is scraped: each value of prom-client's own needs a call of `observe`.
 *
 * Borrowed (docs/dependencies.md): prom-client does not promise `getForPromString`, nor the form of a value.
 */
class FilledHistogram extends Histogram {
  readonly #family: Family;
  readonly #read: () => Iterable<Sample<PublishedHistogram>>;
  /** A histogram without values: the registry reads its name, help and type. */
  readonly #empty: Histogram;

  constructor(family: Family, read: () => Iterable<Sample<PublishedHistogram>>) {
    super({ ...family, registers: [] });
    this.#empty = new Histogram({ ...family, registers: [] });
    this.#family = family;
    this.#read = read;
  }

  override async get(): ReturnType<Histogram['get']> {
    const values = [...this.#read()].flatMap(([labels, histogram]) =>
      bucketValues(this.#family.name, labels, histogram),
    );
    return { ...(await this.#empty.get()), values };
  }

  /** If a metric has this method, the registry calls it instead of `get`. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }
}

function bucketValues(name: string, labels: Sample<number>[0], histogram: PublishedHistogram): BucketValue[] {
  const bucket = (le: string | number, value: number): BucketValue => ({
    metricName: `${name}_bucket`,
    labels: { le, ...labels },
    value,
  });
  const counts = histogram.cumulative();
  return [
    ...histogram.bounds.map((bound, place) => bucket(bound, counts[place] ?? 0)),
    bucket('+Inf', histogram.count),
    { metricName: `${name}_sum`, labels, value: histogram.sum },
    { metricName: `${name}_count`, labels, value: histogram.count },
  ];
}
