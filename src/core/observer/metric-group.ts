/**
 * Where a user's function counts what it does (Flink: MetricGroup). A name that was registered before gives the same
 * metric again; what a group may not be called, or hold twice, is for its implementation to refuse.
 */
export interface MetricGroup {
  counter(name: string): MetricCounter;
  /** `read` is called whenever somebody looks. */
  gauge(name: string, read: () => number): void;
  /** `buckets` are upper bounds, ascending. */
  histogram(name: string, buckets?: number[]): MetricHistogram;
  /** A group below this one; its name becomes part of the names in it. */
  group(name: string): MetricGroup;
}

export interface MetricCounter {
  /** `n` is 1 where it is not given. */
  inc(n?: number): void;
}

export interface MetricHistogram {
  observe(value: number): void;
}

/** Takes everything and keeps nothing. */
export const silentMetrics: MetricGroup = {
  counter: () => ({ inc() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
  group: () => silentMetrics,
};
