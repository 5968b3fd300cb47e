import { silentLogger, type Logger } from '../../core/observer/logger.ts';
import { silentMetrics, type MetricGroup } from '../../core/observer/metric-group.ts';
import { systemClock, type Clock } from '../../core/time/time.ts';
import { checkCheckpoint, fromStart, type Checkpoint } from '../checkpoint/checkpoint.ts';
import { checkOptions } from './option-rules.ts';
import type { AsyncRetryStrategy } from './retry-strategies.ts';
import { waitRules } from './wait-rules.ts';

export interface WaitOptions<In, Out> {
  /**
   * Milliseconds that a record may take, over all attempts and the waits between them; at least 0. 0 = no limit, which
   * is an error together with a retry strategy. A fraction is taken, and so is Infinity, which is no limit either.
   */
  readonly timeout: number;
  /**
   * Slots: records that run, that wait for a retry, or that are complete and not yet read; watermarks too. A whole
   * number of at least 1. Default 100, as Flink's.
   */
  readonly capacity?: number;
  /** Ends the iteration when it aborts: running calls are aborted, and the reader is thrown its reason. Default: none. */
  readonly signal?: AbortSignal;
  /** Where time comes from. Default: the monotonic time of the process. For tests: `virtualClock()`. */
  readonly clock?: Clock;
  /** Names the operator in messages and in the runtime context. Default: the name of the function called, as `orderedWait`. */
  readonly taskName?: string;
  /** `parameters` of the runtime context that a RichAsyncFunction is opened with. Default: an empty object. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** `metrics` of the runtime context. Default: a group that keeps nothing. */
  readonly metrics?: MetricGroup;
  /** `logger` of the runtime context; `console` is one. Default: one that writes nothing. */
  readonly logger?: Logger;
  /**
   * What the end of the source does to records that wait to be tried again (semantics R6). `finishRetries`, the default:
   * nothing, each keeps its retries. `lastAttempt`, as in Flink: each makes one last attempt at once, and every outcome
   * from then on is final.
   */
  readonly endOfInput?: 'finishRetries' | 'lastAttempt';
  /**
   * Turns the error of a record into values. Default: the error ends the iteration, as a RecordFailedError that has it
   * as its `cause`. What it throws ends the iteration in the same way.
   */
  readonly onError?: (error: unknown, input: In) => Iterable<Out>;
  /**
   * Records whose results were given from one checkpoint to the next; watermarks are not counted. A whole number of at
   * least 1. Default 1, each record. An error without `onCheckpoint`.
   */
  readonly checkpointEvery?: number;
  /**
   * Called between two results, when the reader asks for the next one: the reader has had every result that the
   * checkpoint calls given. What it throws ends the iteration. Default: no checkpoints are made.
   */
  readonly onCheckpoint?: (checkpoint: Checkpoint<In>) => void;
  /**
   * Goes on from a checkpoint: its pending inputs come first, then the source, which must start with element `next`.
   * Default: `{ next: 0, pending: [] }`, the beginning.
   */
  readonly resumeFrom?: Checkpoint<In>;
}

export interface KeyedWaitOptions<In, Out> extends WaitOptions<In, Out> {
  /** Records of one key are called one at a time, in order. What it throws, and any value but a text, is an error of the record. */
  readonly key: (input: In) => string;
}

export interface RetryOptions<Out> {
  /** When a call is made again. It needs a `timeout` above 0, which bounds all calls of a record together. */
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
  readonly endOfInput: 'finishRetries' | 'lastAttempt';
  readonly onError: ((error: unknown, input: In) => Iterable<Out>) | undefined;
  readonly retryStrategy: AsyncRetryStrategy<Out> | undefined;
  readonly checkpointEvery: number;
  readonly onCheckpoint: ((checkpoint: Checkpoint<In>) => void) | undefined;
  readonly resumeFrom: Checkpoint<In>;
  /** Throws what is wrong with an input before the function is called with it. */
  readonly guard: ((input: In) => void) | undefined;
}

/** Which function was called. */
export interface WaitCall {
  readonly name: string;
  readonly keyed: boolean;
  readonly retried: boolean;
}

/** Throws TypeError, with the name of the option, the rule and the value, for options that are unknown, wrong or missing. */
export function settingsOf<In, Out>(
  { name, keyed, retried }: WaitCall,
  options: WaitOptions<In, Out> & Partial<RetryOptions<Out>>,
): WaitSettings<In, Out> {
  const taskName = taskNameOf(name, options);
  checkOptions(taskName, options, waitRules(keyed, retried), {
    ...(keyed ? {} : { key: `keyedWait${retried ? 'WithRetry' : ''}` }),
    ...(retried ? {} : { retryStrategy: `${name}WithRetry` }),
  });
  const { timeout, checkpointEvery, onCheckpoint, resumeFrom = fromStart } = options;
  const timeoutMs = Number.isFinite(timeout) ? timeout : 0;
  if (retried && timeoutMs === 0) {
    throw new TypeError(
      `${taskName}: with a retryStrategy a timeout is required, milliseconds above 0 for all attempts of a record, not ${timeout}`,
    );
  }
  if (checkpointEvery !== undefined && onCheckpoint === undefined) {
    throw new TypeError(`${taskName}: checkpointEvery, ${checkpointEvery}, needs onCheckpoint`);
  }
  checkCheckpoint(taskName, resumeFrom);
  return {
    timeoutMs,
    capacity: options.capacity ?? 100,
    signal: options.signal,
    clock: options.clock ?? systemClock,
    taskName,
    parameters: options.parameters ?? {},
    metrics: options.metrics ?? silentMetrics,
    logger: options.logger ?? silentLogger,
    endOfInput: options.endOfInput ?? 'finishRetries',
    onError: options.onError,
    retryStrategy: options.retryStrategy,
    checkpointEvery: checkpointEvery ?? 1,
    onCheckpoint,
    resumeFrom,
    guard: undefined,
  };
}

/** The name under which a call says what is wrong, before its options are known to be right. */
export function taskNameOf(name: string, options: unknown): string {
  if (typeof options !== 'object' || options === null || !('taskName' in options)) return name;
  return typeof options.taskName === 'string' && options.taskName !== '' ? options.taskName : name;
}
