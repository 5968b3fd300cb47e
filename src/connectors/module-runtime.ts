import type { JsonValue } from '../core/json.ts';

/** What a function may know of where it runs (contract: RuntimeContext), as far as a lookup has it. */
export interface ModuleRuntimeContext {
  /** Name of the lookup. */
  readonly taskName: string;
  /** There is one instance for all streams: 0 of 1, started for the first time. */
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attemptNumber: number;
  readonly metrics: ModuleMetricGroup;
  /** `lookups.NAME.module.parameters`. */
  readonly parameters: Readonly<Record<string, JsonValue>>;
  readonly logger: ModuleLogger;
  getState(): never;
  getAccumulator(): never;
  getBroadcastVariable(): never;
  getDistributedCache(): never;
}

export interface ModuleMetricGroup {
  counter(name: string): { inc(n?: number): void };
  gauge(name: string, read: () => number): void;
  histogram(name: string, buckets?: number[]): { observe(value: number): void };
  group(name: string): ModuleMetricGroup;
}

type Log = (...message: readonly unknown[]) => void;

export interface ModuleLogger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

export function moduleRuntime(lookup: string, parameters: Readonly<Record<string, JsonValue>>): ModuleRuntimeContext {
  return {
    taskName: lookup,
    subtaskIndex: 0,
    parallelism: 1,
    attemptNumber: 0,
    metrics: silentMetrics,
    parameters,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    getState: () => unsupported('getState', 'keyed state'),
    getAccumulator: () => unsupported('getAccumulator', 'an accumulator'),
    getBroadcastVariable: () => unsupported('getBroadcastVariable', 'a broadcast variable'),
    getDistributedCache: () => unsupported('getDistributedCache', 'the distributed cache'),
  };
}

const silent: Log = () => {};

const silentMetrics: ModuleMetricGroup = {
  counter: () => ({ inc() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
  group: () => silentMetrics,
};

class UnsupportedOperationError extends Error {
  override readonly name = 'UnsupportedOperationError';
}

function unsupported(method: string, what: string): never {
  throw new UnsupportedOperationError(
    `${method}: ${what} is not there for an asynchronous function, which runs for many keys at once`,
  );
}
