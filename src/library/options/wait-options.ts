import { silentLogger, type Logger } from '../../core/observer/logger.ts';
import { silentMetrics, type MetricGroup } from '../../core/observer/metric-group.ts';
import { systemClock, type Clock } from '../../core/time/time.ts';
import { checkCheckpoint, fromStart, type Checkpoint } from '../checkpoint/checkpoint.ts';
import { checkOptions } from './option-rules.ts';
import type { AsyncRetryStrategy } from './retry-strategies.ts';
import { waitRules } from './wait-rules.ts';

/**
 * The options of all six functions.
 *
 *     orderedWait(ids, fn, { timeout: 1000, capacity: 50, signal: AbortSignal.timeout(60_000) });
 */
export interface WaitOptions<In, Out> {
  /**
   * Milliseconds that one record may take, over all its attempts and the waits between them. Required; a number of at
   * least 0, fractions allowed. 0 and Infinity mean no limit, which is an error together with a retry strategy. The time
   * of `timeout` hooks and the time until the result is read are not counted; neither is the wait for a slot, nor, in
   * `keyedWait`, the wait for the key.
   *
   *     { timeout: 1000 }
   */
  readonly timeout: number;
  /**
   * The number of slots. A slot is taken by a record that runs, that waits for a retry or for its key, or that is complete
   * and not yet read, and by a watermark. A whole number of at least 1; default 100, as in Flink. Elements that the source
   * has read ahead by itself are not counted.
   *
   *     { timeout: 1000, capacity: 20 }
   */
  readonly capacity?: number;
  /**
   * Ends the iteration when it aborts: the running calls are aborted, the source is closed, and the reason of the signal
   * is thrown to the reader. Default: none.
   *
   *     { timeout: 1000, signal: AbortSignal.timeout(60_000) }
   */
  readonly signal?: AbortSignal;
  /**
   * The source of time, in milliseconds. Default: the monotonic time of the process. For tests: `virtualClock()`.
   *
   *     { timeout: 1000, clock: virtualClock() }
   */
  readonly clock?: Clock;
  /**
   * The name of this wait in messages and in the runtime context; not empty. Default: the name of the function that was
   * called, for example `orderedWait`.
   *
   *     { timeout: 1000, taskName: 'airports' }
   */
  readonly taskName?: string;
  /**
   * `parameters` of the runtime context, with which a RichAsyncFunction is opened. Default: an empty object. Not used for
   * other functions.
   *
   *     { timeout: 1000, parameters: { url: 'redis://127.0.0.1:6379' } }
   */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /**
   * `metrics` of the runtime context. Default: a group that keeps nothing. The library itself counts nothing in it.
   *
   *     { timeout: 1000, metrics: myMetricGroup }
   */
  readonly metrics?: MetricGroup;
  /**
   * `logger` of the runtime context. Default: a logger that writes nothing. The library itself writes nothing to it.
   *
   *     { timeout: 1000, logger: console }
   */
  readonly logger?: Logger;
  /**
   * How the end of the source affects records that wait for a retry (semantics R6). `'finishRetries'`, the default: each
   * keeps its retries. `'lastAttempt'`, as in Flink: each makes one last attempt at once, and every outcome from then on
   * is final. Attempts that are running are not affected.
   *
   *     { timeout: 5000, retryStrategy, endOfInput: 'lastAttempt' }
   */
  readonly endOfInput?: 'finishRetries' | 'lastAttempt';
  /**
   * Called when a record has failed, with the error that the function threw; the values that it returns are the results
   * of the record. If it throws, the iteration ends with that error. Default: the error ends the iteration, as the `cause`
   * of a RecordFailedError. Errors of the source, of `open` and `close` and of `onCheckpoint` are not passed to it.
   *
   *     { timeout: 1000, onError: (error, id) => [{ id, failed: String(error) }] }
   */
  readonly onError?: (error: unknown, input: In) => Iterable<Out>;
  /**
   * The number of records whose results are delivered between two checkpoints; watermarks are not counted. A whole number
   * of at least 1; default 1. An error without `onCheckpoint`.
   *
   *     { timeout: 1000, checkpointEvery: 1000, onCheckpoint: save }
   */
  readonly checkpointEvery?: number;
  /**
   * Called with a checkpoint between two results, when the reader calls `next`: the reader has received every
   * result that the checkpoint counts as delivered. If it throws, the iteration ends with that error. It must not be
   * async: a promise that it returns is not awaited. Default: no checkpoints are made.
   *
   *     { timeout: 1000, onCheckpoint: (checkpoint) => writeFileSync('state.json', JSON.stringify(checkpoint)) }
   */
  readonly onCheckpoint?: (checkpoint: Checkpoint<In>) => void;
  /**
   * The checkpoint to go on from. Its pending inputs come first, then the source, which must start with element `next`.
   * Default: `{ next: 0, pending: [] }`, the beginning. Timeouts start anew.
   *
   *     { timeout: 1000, resumeFrom: saved }
   */
  readonly resumeFrom?: Checkpoint<In>;
}

/** The options of `keyedWait` and `keyedWaitWithRetry`. */
export interface KeyedWaitOptions<In, Out> extends WaitOptions<In, Out> {
  /**
   * The key of a record, a string. Records of one key are attempted one at a time, in order. It may be called several
   * times for one record. If it throws, or returns any other value than a string, the record fails.
   *
   *     keyedWait(orders, save, { timeout: 1000, key: (order) => order.customer });
   */
  readonly key: (input: In) => string;
}

/** The option of the three functions whose name ends in `WithRetry`. */
export interface RetryOptions<Out> {
  /**
   * Decides whether and when a call is made again. It requires a `timeout` above 0, which limits all calls of a record
   * together.
   *
   *     { timeout: 5000, retryStrategy: AsyncRetryStrategies.fixedDelay({ maxAttempts: 2, delayMs: 100, ifError: RetryPredicates.anyError }) }
   */
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
  /** Called before the function, with its input; throws if the input cannot be used. */
  readonly guard: ((input: In) => void) | undefined;
}

/** The function that was called. */
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

/** The name for the messages of a call, before its options are checked. */
export function taskNameOf(name: string, options: unknown): string {
  if (typeof options !== 'object' || options === null || !('taskName' in options)) return name;
  return typeof options.taskName === 'string' && options.taskName !== '' ? options.taskName : name;
}
