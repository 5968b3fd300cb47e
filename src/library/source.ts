/**
 * The members of a web stream that are used here. Each runtime declares a ReadableStream of its own; it is async
 * iterable, from which the compiler infers the type of its items.
 */
interface WebStream {
  getReader(): { read(): Promise<{ done: boolean; value?: unknown }>; cancel(): Promise<void> };
}

export type Source<Item> = AsyncIterable<Item> | Iterable<Item> | WebStream;

export interface SourceSink<Item> {
  /** Whether another item may be read. After false, `pull` is called again later. */
  hasRoom(): boolean;
  take(item: Item): void;
  /** Called once, when there are no more items, or when reading one failed. */
  end(failure?: { readonly error: unknown }): void;
}

/** Passes the items of `first` to the sink, then those of a source, one at a time; both only while the sink has room. */
export class SourcePump<Item> {
  readonly #first: readonly Item[];
  readonly #sink: SourceSink<Item>;
  readonly #reader: Reader<Item>;
  readonly #onResult = (result: IteratorResult<Item>): void => {
    this.#pulling = false;
    if (this.#done) return;
    if (result.done === true) return this.#end();
    this.#sink.take(result.value);
    this.pull();
  };
  readonly #onError = (error: unknown): void => {
    this.#pulling = false;
    if (!this.#done) this.#end({ error });
  };
  #firstTaken = 0;
  #pulling = false;
  #done = false;

  constructor(first: readonly Item[], source: Source<Item>, sink: SourceSink<Item>) {
    this.#first = first;
    this.#sink = sink;
    this.#reader = readerOf(source);
  }

  pull(): void {
    if (this.#pulling || this.#done) return;
    if (this.#firstTaken < this.#first.length && !this.#takeFirst()) return;
    if ('sync' in this.#reader) return this.#pullAll(this.#reader.sync);
    if (!this.#sink.hasRoom()) return;
    this.#pulling = true;
    let next: Promise<IteratorResult<Item>>;
    try {
      next = Promise.resolve(this.#reader.async.next());
    } catch (error) {
      return this.#onError(error);
    }
    next.then(this.#onResult, this.#onError);
  }

  /** Closes the source. Waits until it is closed, unless the source is still reading an item. */
  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    if ('sync' in this.#reader) {
      this.#reader.sync.return?.();
      return;
    }
    const released = Promise.resolve(this.#reader.release());
    if (this.#pulling) released.catch(() => {});
    else await released;
  }

  /** Passes on items of `first`. True if all of them were passed on, so that the source may be read. */
  #takeFirst(): boolean {
    this.#pulling = true;
    try {
      for (const item of this.#first.slice(this.#firstTaken)) {
        if (this.#done || !this.#sink.hasRoom()) return false;
        this.#firstTaken++;
        this.#sink.take(item);
      }
    } finally {
      this.#pulling = false;
    }
    return !this.#done;
  }

  #pullAll(iterator: Iterator<Item>): void {
    this.#pulling = true;
    try {
      while (!this.#done && this.#sink.hasRoom()) {
        const result = iterator.next();
        if (result.done === true) return this.#end();
        this.#sink.take(result.value);
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#pulling = false;
    }
  }

  #end(failure?: { readonly error: unknown }): void {
    this.#done = true;
    this.#sink.end(failure);
  }
}

type Reader<Item> =
  | { readonly sync: Iterator<Item> }
  | { readonly async: AsyncIterator<Item>; readonly release: () => unknown };

function readerOf<Item>(source: Source<Item>): Reader<Item> {
  if (typeof source === 'string' || Array.isArray(source)) return { sync: source[Symbol.iterator]() };
  // The iterator of a web stream cannot be closed while a read is pending; its reader can be cancelled.
  if ('getReader' in source) {
    const reader = source.getReader();
    const next = (): Promise<IteratorResult<Item>> => reader.read() as Promise<IteratorResult<Item>>;
    return { async: { next }, release: () => reader.cancel() };
  }
  if (Symbol.asyncIterator in source) {
    const iterator = source[Symbol.asyncIterator]();
    // The iterator of a Node.js stream cannot be closed then either: its `return` takes effect only after the next chunk.
    if ('destroy' in source && typeof source.destroy === 'function') {
      const destroy = source.destroy.bind(source);
      return { async: iterator, release: () => void destroy() };
    }
    return { async: iterator, release: () => iterator.return?.() };
  }
  return { sync: source[Symbol.iterator]() };
}
