export { RecordError } from './core/errors.ts';
export type { Logger } from './core/observer/logger.ts';
export type { MetricCounter, MetricGroup, MetricHistogram } from './core/observer/metric-group.ts';
export type { Clock } from './core/time/time.ts';
export { virtualClock, type VirtualClock } from './core/time/virtual-clock.ts';
export type { Checkpoint } from './library/checkpoint/checkpoint.ts';
export { RecordFailedError } from './library/failure.ts';
export { defineLookup, type LookupArguments } from './library/define-lookup.ts';
export {
  AsyncRetryStrategies,
  RetryPredicates,
  type AsyncRetryStrategy,
  type ExponentialBackoffOptions,
  type FixedDelayOptions,
} from './library/options/retry-strategies.ts';
export type { KeyedWaitOptions, RetryOptions, WaitOptions } from './library/options/wait-options.ts';
export {
  keyedWait,
  keyedWaitWithRetry,
  orderedWait,
  orderedWaitWithRetry,
  unorderedWait,
  unorderedWaitWithRetry,
} from './library/wait.ts';
export type { WaitResults } from './library/wait-results.ts';
export type { AsyncContext, AsyncFn, AsyncFunction, ResultFuture } from './operator/async-function.ts';
export { RichAsyncFunction } from './operator/rich-function.ts';
export {
  UnsupportedOperationError,
  type IterationRuntimeContext,
  type RuntimeContext,
} from './operator/runtime-context.ts';
export { Watermark } from './operator/watermark.ts';
