import type { AsyncContext } from '../../src/index.ts';

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Resolves when the promises and immediates of this moment have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A source that the test feeds, and ends. */
export class Fed<Item> implements AsyncIterable<Item> {
  readonly #items: Item[];
  #ended = false;
  #changed = (): void => {};

  constructor(...items: Item[]) {
    this.#items = items;
  }

  feed(...items: Item[]): void {
    this.#items.push(...items);
    this.#changed();
  }

  end(): void {
    this.#ended = true;
    this.#changed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for (;;) {
      while (this.#items.length > 0) yield* this.#items.splice(0, 1);
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** An async function whose calls the test answers, newest call of each input. */
export class Calls<Out> {
  readonly contexts: AsyncContext[] = [];
  readonly #open = new Map<unknown, { resolve: (values: Out[]) => void; reject: (error: unknown) => void }>();
  readonly fn = (input: unknown, context: AsyncContext): Promise<Out[]> => {
    this.contexts.push(context);
    return new Promise((resolve, reject) => {
      this.#open.set(input, { resolve, reject });
    });
  };

  answer(input: unknown, ...values: Out[]): Promise<void> {
    this.#open.get(input)?.resolve(values);
    return settled();
  }

  refuse(input: unknown, error: unknown): Promise<void> {
    this.#open.get(input)?.reject(error);
    return settled();
  }
}
