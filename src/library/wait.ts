import type { AsyncFn, AsyncFunction } from '../operator/async-function.ts';
import { iterate } from './iterate.ts';
import { KeyedQueue } from '../operator/keyed-queue.ts';
import { OrderedQueue } from '../operator/ordered-queue.ts';
import type { Emitted, WaitResults } from './results.ts';
import type { Source } from './source.ts';
import { UnorderedQueue } from '../operator/unordered-queue.ts';
import { keyReader, settingsOf, type KeyedWaitOptions, type WaitOptions } from './wait-options.ts';
import type { Watermark } from '../operator/watermark.ts';

type Fn<In, Out> = AsyncFn<In, Out> | AsyncFunction<In, Out>;
type RecordOf<Item> = Exclude<Item, Watermark>;
type Waited<Item, Out> = WaitResults<Emitted<Item, Out>>;

/**
 * Calls `fn` for each element of the source, up to `capacity` at a time, and gives the results in the order of the
 * elements. Starts at the first `next`. A result that nobody reads holds its slot, and with no slot free the source is
 * not read: that is the backpressure. An error of a record is thrown, after what stands before it was given.
 * Leaving the iteration aborts the running calls and closes the source. (Flink: AsyncDataStream.orderedWait)
 */
export function orderedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  const settings = settingsOf('orderedWait', options);
  return iterate(source, fn, settings, new OrderedQueue(settings.capacity));
}

/** Like `orderedWait`, but gives each result as soon as it is there. None passes a watermark. */
export function unorderedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: WaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  const settings = settingsOf('unorderedWait', options);
  return iterate(source, fn, settings, new UnorderedQueue(settings.capacity));
}

/**
 * Calls `fn` for the elements of one key one at a time, in order, and for different keys together; gives each result
 * as soon as it is there, so in order for each key. None passes a watermark. An element that waits for its key holds
 * its slot; its time starts with its call.
 */
export function keyedWait<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  options: KeyedWaitOptions<RecordOf<Item>, Out>,
): Waited<Item, Out> {
  const settings = settingsOf('keyedWait', options);
  const { guard, keyOf } = keyReader(settings.taskName, options.key);
  return iterate(source, fn, { ...settings, guard }, new KeyedQueue(settings.capacity, keyOf));
}
