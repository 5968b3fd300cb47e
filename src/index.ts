export { RecordError } from './core/errors.ts';
export type { Clock } from './core/time.ts';
export { virtualClock, type VirtualClock } from './core/virtual-clock.ts';
export type { AsyncContext, AsyncFn, AsyncFunction, ResultFuture } from './operator/async-function.ts';
export type { WaitResults } from './library/results.ts';
export { keyedWait, orderedWait, unorderedWait } from './library/wait.ts';
export type { KeyedWaitOptions, WaitOptions } from './library/wait-options.ts';
export { Watermark } from './operator/watermark.ts';
