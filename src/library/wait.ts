import type { Fn } from '../operator/async-function.ts';
import { KeyedQueue } from '../operator/queues/keyed-queue.ts';
import { OrderedQueue } from '../operator/queues/ordered-queue.ts';
import { UnorderedQueue } from '../operator/queues/unordered-queue.ts';
import type { Watermark } from '../operator/watermark.ts';
import { checkFunction, checkSource } from './options/check-call.ts';
import { iterate } from './iterate.ts';
import type { Source } from './source.ts';
import {
  settingsOf,
  taskNameOf,
  type KeyedWaitOptions,
  type RetryOptions,
  type WaitCall,
  type WaitOptions,
  type WaitSettings,
} from './options/wait-options.ts';
import type { Emitted, WaitResults } from './wait-results.ts';

type RecordOf<Item> = Exclude<Item, Watermark>;
type Waited<Item, Out> = WaitResults<Emitted<Item, Out>>;

/**
 * Calls `fn` for each element of the source, up to `capacity` (default 100) at a time, and returns the results in the
 * order of the elements. Nothing starts before the first `next`. A result that is not read holds its slot, and while no
 * slot is free the source is not read: that is the backpressure. Leaving the iteration aborts the running calls and closes
 * the source.
 *
 * Throws TypeError if the source, the function or the options cannot be used. The iteration throws RecordFailedError for
 * the error of a record, after the results before it, unless `onError` returns values for it. Errors of the source, of
 * `open` and `close`, of `onCheckpoint`, and the reason of `signal` are thrown as they are.
 * (Flink: AsyncDataStream.orderedWait)
 *
 *     const rows = orderedWait(ids, async (id, { signal }) => [await database.row(id, { signal })], { timeout: 1000 });
 *     for await (const row of rows) console.log(row);
 */
export function orderedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  return ordered(orderedWaitCall, source, fn, options);
}

/**
 * Like `orderedWait`, and makes a call again if `retryStrategy` says so for its error or its result. `timeout`, which must
 * be above 0, limits all calls of a record and the waits between them. (Flink: AsyncDataStream.orderedWaitWithRetry)
 *
 *     const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 2, delayMs: 100, ifError: RetryPredicates.anyError });
 *     const rows = orderedWaitWithRetry(ids, fn, { timeout: 5000, retryStrategy });
 */
export function orderedWaitWithRetry<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out> & RetryOptions<Out>,
): Waited<Item, Out> {
  return ordered(orderedWaitWithRetryCall, source, fn, options);
}

/**
 * Like `orderedWait`, but returns each result as soon as it is complete. No result passes a watermark.
 * (Flink: AsyncDataStream.unorderedWait)
 *
 *     for await (const row of unorderedWait(ids, fn, { timeout: 1000 })) console.log(row);
 */
export function unorderedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  return unordered(unorderedWaitCall, source, fn, options);
}

/**
 * Like `unorderedWait`, with retries as of `orderedWaitWithRetry`. (Flink: AsyncDataStream.unorderedWaitWithRetry)
 *
 *     const rows = unorderedWaitWithRetry(ids, fn, { timeout: 5000, retryStrategy });
 */
export function unorderedWaitWithRetry<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out> & RetryOptions<Out>,
): Waited<Item, Out> {
  return unordered(unorderedWaitWithRetryCall, source, fn, options);
}

/**
 * Like `unorderedWait`, but calls `fn` for the elements of one key one at a time, in order, and for different keys
 * together. So the results of one key come in order. No result passes a watermark. An element that waits for its key holds
 * its slot; its `timeout` starts with its call.
 *
 *     keyedWait(orders, save, { timeout: 1000, key: (order) => order.customer });
 */
export function keyedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: KeyedWaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  return keyed(keyedWaitCall, source, fn, options);
}

/**
 * Like `keyedWait`, with retries as of `orderedWaitWithRetry`. The next elements of the key wait until the retries end.
 *
 *     keyedWaitWithRetry(orders, save, { timeout: 5000, key: (order) => order.customer, retryStrategy });
 */
export function keyedWaitWithRetry<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: KeyedWaitOptions<RecordOf<Item>, Out> & RetryOptions<Out>,
): Waited<Item, Out> {
  return keyed(keyedWaitWithRetryCall, source, fn, options);
}

const orderedWaitCall: WaitCall = { name: 'orderedWait', keyed: false, retried: false };
const orderedWaitWithRetryCall: WaitCall = { name: 'orderedWaitWithRetry', keyed: false, retried: true };
const unorderedWaitCall: WaitCall = { name: 'unorderedWait', keyed: false, retried: false };
const unorderedWaitWithRetryCall: WaitCall = { name: 'unorderedWaitWithRetry', keyed: false, retried: true };
const keyedWaitCall: WaitCall = { name: 'keyedWait', keyed: true, retried: false };
const keyedWaitWithRetryCall: WaitCall = { name: 'keyedWaitWithRetry', keyed: true, retried: true };

function ordered<Item, Out>(
  called: WaitCall,
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out> & Partial<RetryOptions<Out>>,
): Waited<Item, Out> {
  const settings = checked(called, source, fn, options);
  return iterate(source, fn, settings, new OrderedQueue(settings.capacity));
}

function unordered<Item, Out>(
  called: WaitCall,
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out> & Partial<RetryOptions<Out>>,
): Waited<Item, Out> {
  const settings = checked(called, source, fn, options);
  return iterate(source, fn, settings, new UnorderedQueue(settings.capacity));
}

function keyed<Item, Out>(
  called: WaitCall,
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: KeyedWaitOptions<RecordOf<Item>, Out> & Partial<RetryOptions<Out>>,
): Waited<Item, Out> {
  const settings = checked(called, source, fn, options);
  const { guard, keyOf } = keyReader(settings.taskName, options.key);
  return iterate(source, fn, { ...settings, guard }, new KeyedQueue(settings.capacity, keyOf));
}

/**
 * The queue must not fail when it reads a key, but the record may. So the key is read twice: by `keyOf` for the queue, where an
 * error means no key, and by `guard` before the call, where an error is the outcome of the record.
 */
export function keyReader<In>(
  taskName: string,
  key: (input: In) => string,
): { readonly guard: (input: In) => void; readonly keyOf: (input: In) => string | undefined } {
  function read(input: In): string {
    const found: unknown = key(input);
    if (typeof found === 'string') return found;
    throw new TypeError(`${taskName}: the key of a record is a string, not ${found === null ? 'null' : typeof found}`);
  }
  return {
    guard: (input) => void read(input),
    keyOf(input) {
      try {
        return read(input);
      } catch {
        return undefined;
      }
    },
  };
}

/** Reports a mistake in a call when the call is made, and not at the first `next`. */
function checked<In, Out>(
  called: WaitCall,
  source: unknown,
  fn: unknown,
  options: WaitOptions<In, Out> & Partial<RetryOptions<Out>>,
): WaitSettings<In, Out> {
  const task = taskNameOf(called.name, options);
  checkSource(task, source);
  checkFunction(task, fn);
  return settingsOf(called, options);
}
