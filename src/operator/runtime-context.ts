import type { Logger } from '../core/observer/logger.ts';
import type { MetricGroup } from '../core/observer/metric-group.ts';

/**
 * Describes where a function runs; the argument of `open` (semantics F3; Flink: RuntimeContext).
 *
 *     open(context) {
 *       this.hits = context.metrics.counter('hits');
 *       this.database = connect(String(context.parameters.address));
 *       context.logger.info(`${context.taskName} has connected`);
 *     }
 */
export interface RuntimeContext {
  readonly taskName: string;
  /** The index of this worker among all workers, from 0. */
  readonly subtaskIndex: number;
  /** The number of workers. */
  readonly parallelism: number;
  /** How many times this worker was started before; 0 = never. */
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

/** Thrown by a member of Flink's runtime context that asynchronous functions cannot use. */
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
    refuse('getAccumulator', 'a call may be made again, so a sum would count some records twice; use metrics'),
  getBroadcastVariable: () =>
    refuse('getBroadcastVariable', 'there is no second stream that could set it; use parameters, or read it in open'),
  getDistributedCache: () =>
    refuse('getDistributedCache', 'no files are sent to workers; read them in open, from a path in parameters'),
};

function refuse(method: string, reason: string): never {
  throw new UnsupportedOperationError(`${method} cannot be used by an asynchronous function: ${reason}`);
}
