/**
 * The metrics of a user's function (Flink: MetricGroup). A name that was registered before returns the same metric. The
 * implementation refuses names that are not allowed, and a name that is registered as two kinds.
 */
export interface MetricGroup {
  counter(name: string): MetricCounter;
  /** `read` is called at each scrape. */
  gauge(name: string, read: () => number): void;
  /** `buckets` are upper bounds, ascending. */
  histogram(name: string, buckets?: number[]): MetricHistogram;
  /** A group below this one; its name becomes part of the names in it. */
  group(name: string): MetricGroup;
}

export interface MetricCounter {
  /** `n`: default 1. */
  inc(n?: number): void;
}

export interface MetricHistogram {
  observe(value: number): void;
}

/** Discards every value. */
export const silentMetrics: MetricGroup = {
  counter: () => ({ inc() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
  group: () => silentMetrics,
};
