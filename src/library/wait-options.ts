import { silentLogger, type Logger } from '../core/logger.ts';
import { silentMetrics, type MetricGroup } from '../core/metric-group.ts';
import { systemClock, type Clock } from '../core/time.ts';
import { checkCheckpoint, fromStart, type Checkpoint } from './checkpoint.ts';
import type { AsyncRetryStrategy } from './retry-strategies.ts';

export interface WaitOptions<In, Out> {
  /** Milliseconds that a record may take, over all attempts. 0 = no limit. */
  readonly timeout: number;
  /** Records and watermarks that may be under way: running, or complete and not yet read. Default 100, as Flink's. */
  readonly capacity?: number;
  /** Ends the iteration by throwing its reason. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Names the operator in messages and in the runtime context. Default: the name of what was called, as `orderedWait`. */
  readonly taskName?: string;
  /** Given to a RichAsyncFunction in its runtime context. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Given to a RichAsyncFunction in its runtime context. Default: one that keeps nothing. */
  readonly metrics?: MetricGroup;
  /** Given to a RichAsyncFunction in its runtime context. Default: one that says nothing. */
  readonly logger?: Logger;
  /** Turns the error of a record into values. Without it the error ends the iteration by being thrown. */
  readonly onError?: (error: unknown, input: In) => Iterable<Out>;
  /** Records, of which the results were given, from one checkpoint to the next. Default 1, each record. */
  readonly checkpointEvery?: number;
  /**
   * Called between two results, when the reader asks for the next one: what the checkpoint calls given, the reader has
   * had. What it throws ends the iteration.
   */
  readonly onCheckpoint?: (checkpoint: Checkpoint<In>) => void;
  /** Goes on from a checkpoint: its pending inputs come first, then the source, which must start with element `next`. */
  readonly resumeFrom?: Checkpoint<In>;
}

export interface KeyedWaitOptions<In, Out> extends WaitOptions<In, Out> {
  /** Records of one key are called one at a time, in order. What it throws is an error of the record. */
  readonly key: (input: In) => string;
}

export interface RetryOptions<Out> {
  /** When a call is made again. The timeout, which has to be there, bounds all calls of a record together. */
  readonly retryStrategy: AsyncRetryStrategy<Out>;
}

/** The options with every default applied. */
export interface WaitSettings<In, Out> {
  readonly timeoutMs: number;
  readonly capacity: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly taskName: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: MetricGroup;
  readonly logger: Logger;
  readonly onError: ((error: unknown, input: In) => Iterable<Out>) | undefined;
  readonly retryStrategy: AsyncRetryStrategy<Out> | undefined;
  readonly checkpointEvery: number;
  readonly onCheckpoint: ((checkpoint: Checkpoint<In>) => void) | undefined;
  readonly resumeFrom: Checkpoint<In>;
  /** Throws what is wrong with an input before the function is called with it. */
  readonly guard: ((input: In) => void) | undefined;
}

/** Throws RangeError for options that can not be. */
export function settingsOf<In, Out>(
  name: string,
  options: WaitOptions<In, Out> & Partial<RetryOptions<Out>>,
): WaitSettings<In, Out> {
  const { taskName = name, timeout, capacity = 100, checkpointEvery, onCheckpoint, resumeFrom = fromStart } = options;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new RangeError(`${taskName}: timeout is milliseconds, 0 for none, not ${String(timeout)}`);
  }
  const timeoutMs = Number.isFinite(timeout) ? timeout : 0;
  if (options.retryStrategy !== undefined && timeoutMs === 0) {
    throw new RangeError(
      `${taskName}: with a retryStrategy a timeout is required, milliseconds above 0 for all attempts of a record, not ${timeout}`,
    );
  }
  checkWhole(taskName, 'capacity', capacity);
  if (checkpointEvery !== undefined) {
    checkWhole(taskName, 'checkpointEvery', checkpointEvery);
    if (onCheckpoint === undefined) throw new RangeError(`${taskName}: checkpointEvery needs onCheckpoint`);
  }
  checkCheckpoint(taskName, resumeFrom);
  return {
    timeoutMs,
    capacity,
    signal: options.signal,
    clock: options.clock ?? systemClock,
    taskName,
    parameters: options.parameters ?? {},
    metrics: options.metrics ?? silentMetrics,
    logger: options.logger ?? silentLogger,
    onError: options.onError,
    retryStrategy: options.retryStrategy,
    checkpointEvery: checkpointEvery ?? 1,
    onCheckpoint,
    resumeFrom,
    guard: undefined,
  };
}

function checkWhole(taskName: string, option: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RangeError(`${taskName}: ${option} is a whole number of at least 1, not ${String(value)}`);
}
