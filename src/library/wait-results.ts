/// <reference lib="esnext.disposable" preserve="true" />
import type { Watermark } from '../operator/watermark.ts';

/** The items of the results: the values of the function, and the watermarks of the source. */
export type Emitted<Item, Out> = Out | Extract<Item, Watermark>;

/** The results, which can be read once, by a loop or by `next`. Leaving the iteration aborts the running calls and closes the source. */
export interface WaitResults<Value> extends AsyncIterableIterator<Value, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<Value, undefined>>;
}
