import type { Logger } from '../core/observer/logger.ts';
import type { MetricGroup } from '../core/observer/metric-group.ts';

/** Where a function runs: what it is given when it is opened (semantics F3; Flink: RuntimeContext). */
export interface RuntimeContext {
  readonly taskName: string;
  /** Which of the workers this is, from 0. */
  readonly subtaskIndex: number;
  readonly parallelism: number;
  /** How often this worker was started before: 0 = never. */
  readonly attemptNumber: number;
  readonly metrics: MetricGroup;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  /** Throws UnsupportedOperationError. */
  getState(...args: readonly unknown[]): never;
  /** Throws UnsupportedOperationError. */
  getAccumulator(...args: readonly unknown[]): never;
  /** Throws UnsupportedOperationError. */
  getBroadcastVariable(...args: readonly unknown[]): never;
  /** Throws UnsupportedOperationError. */
  getDistributedCache(...args: readonly unknown[]): never;
}

/** The context within an iteration (Flink: IterationRuntimeContext). */
export interface IterationRuntimeContext extends RuntimeContext {
  /** 1 = first. */
  readonly superstep: number;
}

/** Something that Flink's runtime context gives to other functions, but not to asynchronous ones. */
export class UnsupportedOperationError extends Error {
  override readonly name = 'UnsupportedOperationError';
}

/** The one worker of a process, started for the first time. */
const onlyWorker = { subtaskIndex: 0, parallelism: 1, attemptNumber: 0 };

type RuntimeParts = Pick<RuntimeContext, 'taskName' | 'metrics' | 'parameters' | 'logger'>;

export function runtimeContext(parts: RuntimeParts): RuntimeContext {
  return Object.freeze({ ...parts, ...onlyWorker, parameters: Object.freeze({ ...parts.parameters }), ...refusals });
}

const refusals: Pick<RuntimeContext, 'getState' | 'getAccumulator' | 'getBroadcastVariable' | 'getDistributedCache'> = {
  getState: () => refuse('getState', 'keyed state belongs to one key, and the function runs for many keys at once'),
  getAccumulator: () =>
    refuse('getAccumulator', 'calls run at once and may be made again, so a sum would count some twice; use metrics'),
  getBroadcastVariable: () =>
    refuse('getBroadcastVariable', 'there is no second stream that could set it; use parameters, or read it in open'),
  getDistributedCache: () =>
    refuse('getDistributedCache', 'no files are sent to the workers; read them in open, by a path from parameters'),
};

function refuse(method: string, reason: string): never {
  throw new UnsupportedOperationError(`${method} is not there for an asynchronous function: ${reason}`);
}
