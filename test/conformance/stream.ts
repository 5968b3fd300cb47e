import { RecordFailedError, type AsyncContext, type ResultFuture } from '../../src/index.ts';

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The results before the error, and the error. */
export async function collectUntilError<Item>(items: AsyncIterable<Item>): Promise<{ all: Item[]; error: unknown }> {
  const all: Item[] = [];
  try {
    for await (const item of items) all.push(item);
    return { all, error: undefined };
  } catch (error) {
    return { all, error };
  }
}

/** The error of the record that ended the iteration. */
export function causeOf(error: unknown): unknown {
  return error instanceof RecordFailedError ? error.cause : undefined;
}

export function ascending(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right);
}

/** Resolves when the promises and immediates of this moment have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class Latch {
  #open = (): void => {};
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.#open();
  }
}

/** Flink's usual function of these tests: completes `[x * 2]`, not at once. */
export async function double(input: number): Promise<number[]> {
  await settled();
  return [input * 2];
}

/** Keeps the result futures of its calls, which the test completes, and counts the calls of its timeout hook. */
export class Held<Out> {
  readonly results = new Map<number, ResultFuture<Out>>();
  readonly timedOut: number[] = [];
  readonly #onTimeout: (input: number, result: ResultFuture<Out>) => void;

  constructor(onTimeout: (input: number, result: ResultFuture<Out>) => void = () => {}) {
    this.#onTimeout = onTimeout;
  }

  asyncInvoke(input: number, result: ResultFuture<Out>, _context: AsyncContext): void {
    this.results.set(input, result);
  }

  timeout(input: number, result: ResultFuture<Out>, _context: AsyncContext): void {
    this.timedOut.push(input);
    this.#onTimeout(input, result);
  }
}
