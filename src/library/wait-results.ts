/// <reference lib="esnext.disposable" preserve="true" />
import type { Watermark } from '../operator/watermark.ts';

/** What comes out: the function's values, and the watermarks that the source held. */
export type Emitted<Item, Out> = Out | Extract<Item, Watermark>;

/** The results, once: to iterate, or to ask for one by one. Leaving it aborts what runs and closes the source. */
export interface WaitResults<Value> extends AsyncIterableIterator<Value, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<Value, undefined>>;
}
