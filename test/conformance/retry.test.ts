import { describe, expect, test } from 'vitest';
import {
  AsyncRetryStrategies,
  keyedWaitWithRetry,
  orderedWaitWithRetry,
  RetryPredicates,
  unorderedWaitWithRetry,
  virtualClock,
  type ResultFuture,
} from '../../src/index.ts';
import { ascending, causeOf, collect, collectUntilError, Held, Latch, settled } from './stream.ts';

const waits = { ordered: orderedWaitWithRetry, unordered: unorderedWaitWithRetry };
/** As in Flink: each waiting record makes one last attempt. */
const endOfInput = 'lastAttempt';
const both = ['ordered', 'unordered'] as const;
const inOrderOf = { ordered: (values: readonly number[]) => [...values], unordered: ascending };

const emptyResultFixedDelay = AsyncRetryStrategies.fixedDelay({
  maxAttempts: 2,
  delayMs: 10,
  ifResult: RetryPredicates.emptyResult,
});
const exceptionRetry = AsyncRetryStrategies.fixedDelay({
  maxAttempts: 2,
  delayMs: 10,
  ifError: RetryPredicates.anyError,
});

/** Yields `inputs`, and ends only when it is opened. */
function held<Item>(inputs: readonly Item[]) {
  const latch = new Latch();
  async function* source() {
    yield* inputs;
    await latch.opened;
  }
  return { source: source(), end: () => latch.open() };
}

describe('AsyncWaitOperatorTest with retry', () => {
  test.each([
    ['AWO-13', 'ordered'],
    ['AWO-15', 'unordered'],
  ] as const)(
    '%s %s: the end of the input makes the last attempt at once, and its error is thrown',
    async (_id, mode) => {
      const clock = virtualClock();
      let calls = 0;
      const fails = {
        asyncInvoke(_input: number, result: ResultFuture<number>) {
          calls++;
          result.completeExceptionally(new Error('Test exception'));
        },
      };
      const options = { timeout: 1000, capacity: 2, clock, retryStrategy: exceptionRetry, endOfInput } as const;
      const { all, error } = await collectUntilError(waits[mode]([1], fails, options));
      expect({ all, cause: causeOf(error), calls, timers: clock.timers }).toEqual({
        all: [],
        cause: new Error('Test exception'),
        calls: 2,
        timers: 0,
      });
    },
  );

  test.each([
    ['AWO-17', 'ordered'],
    ['AWO-19', 'unordered'],
  ] as const)('%s %s: a timeout is not retried, and closing after it neither hangs nor throws', async (_id, mode) => {
    const clock = virtualClock();
    let calls = 0;
    const never = { asyncInvoke: () => void calls++ };
    const options = { timeout: 10, capacity: 2, clock, retryStrategy: emptyResultFixedDelay };
    const results = waits[mode]<number, number>(held([1]).source, never, options);
    const read = results.next();
    await settled();
    await Promise.all([expect(read).rejects.toMatchObject({ code: 'timeout' }), clock.advance(10)]);
    expect(await results.return()).toEqual({ done: true, value: undefined });
    await clock.advance(100);
    expect([calls, clock.timers]).toEqual([1, 0]);
  });

  test('AWO-22 after the iteration was left, completions are ignored and no retry is made', async () => {
    const clock = virtualClock();
    const lookup = new Held<number>();
    const options = { timeout: 1000, capacity: 5, clock, retryStrategy: emptyResultFixedDelay };
    const results = orderedWaitWithRetry(held([1, 2]).source, lookup, options);
    const read = results.next();
    await settled();
    const [first, second] = [lookup.results.get(1), lookup.results.get(2)];
    second?.complete([]);
    first?.complete([]);
    await settled();
    expect(clock.timers).toBeGreaterThan(0);
    await results.return();
    lookup.results.clear();
    await clock.advance(100);
    second?.completeExceptionally(new Error('too late'));
    expect(await read).toEqual({ done: true, value: undefined });
    expect([lookup.results.size, clock.timers]).toEqual([0, 0]);
  });

  test.each([
    ['AWO-23', 'ordered'],
    ['AWO-24', 'unordered'],
  ] as const)('%s %s: what stays empty after every retry emits nothing', async (_id, mode) => {
    const clock = virtualClock();
    const calls: number[] = [];
    const fn = {
      asyncInvoke(input: number, result: ResultFuture<number>) {
        calls.push(input);
        clock.setTimer(3, () => result.complete(input % 2 === 0 ? [input * 2] : []));
      },
    };
    const { source, end } = held([1, 2, 3, 4, 5, 6]);
    const options = { timeout: 1000, capacity: 6, clock, retryStrategy: emptyResultFixedDelay };
    const read = collect(waits[mode](source, fn, options));
    await settled();
    await settled();
    await clock.advance(50);
    end();
    expect(inOrderOf[mode](await read)).toEqual([4, 8, 12]);
    expect(ascending(calls)).toEqual([1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6]);
  });

  test.each([
    ['AWO-33', 'ordered'],
    ['AWO-34', 'unordered'],
  ] as const)(
    '%s %s: a supplier gives the values under a retry strategy too (departs: one thread)',
    async (_id, mode) => {
      const supplied = {
        asyncInvoke(input: number, result: ResultFuture<number>) {
          setImmediate(() => result.complete(() => [input * 2]));
        },
      };
      const options = { timeout: 1000, capacity: 3, clock: virtualClock(), retryStrategy: exceptionRetry };
      expect(inOrderOf[mode](await collect(waits[mode]([1, 2, 3], supplied, options)))).toEqual([2, 4, 6]);
    },
  );
});

async function oddIsEmpty(input: number): Promise<number[]> {
  return input % 2 === 0 ? [input] : [];
}

describe('AsyncDataStreamITCase', () => {
  test.each(both)('ADS-05 %s: a fixed delay with both predicates', async (mode) => {
    const retryStrategy = AsyncRetryStrategies.fixedDelay({
      maxAttempts: 3,
      delayMs: 10,
      ifResult: RetryPredicates.emptyResult,
      ifError: RetryPredicates.anyError,
    });
    const options = { timeout: 10_000, clock: virtualClock(), retryStrategy, endOfInput } as const;
    const out = await collect(waits[mode]([1, 2, 3, 4, 5, 6], oddIsEmpty, options));
    expect(inOrderOf[mode](out)).toEqual([2, 4, 6]);
  });

  test.each(both)('ADS-06 %s: a strategy without predicates is accepted, and causes no retry', async (mode) => {
    const calls: number[] = [];
    const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 3, delayMs: 10 });
    const { source, end } = held([1, 2, 3, 4, 5, 6]);
    const clock = virtualClock();
    const read = collect(
      waits[mode](
        source,
        (input) => {
          calls.push(input);
          return oddIsEmpty(input);
        },
        { timeout: 10_000, clock, retryStrategy },
      ),
    );
    await clock.advance(100);
    end();
    expect(inOrderOf[mode](await read)).toEqual([2, 4, 6]);
    expect(calls).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('races between timeout and retry', () => {
  const waitsOf = {
    ...waits,
    keyed: ((source, fn, options) =>
      keyedWaitWithRetry(source, fn, { ...options, key: () => 'one' })) as typeof orderedWaitWithRetry,
  };
  const modes = ['ordered', 'unordered', 'keyed'] as const;

  /** Fails each call after 3 ms, so that a retry is always soon; each test has its own hook. */
  class Failing {
    readonly clock = virtualClock();
    calls = 0;
    hooks = 0;
    readonly #hook: (result: ResultFuture<string>) => void;

    constructor(hook: (result: ResultFuture<string>) => void) {
      this.#hook = hook;
    }

    asyncInvoke(_input: number, result: ResultFuture<string>) {
      this.calls++;
      this.clock.setTimer(3, () => result.completeExceptionally(new Error('not yet')));
    }

    timeout(_input: number, result: ResultFuture<string>) {
      this.hooks++;
      this.#hook(result);
    }
  }

  async function run(
    fn: Failing,
    mode: (typeof modes)[number],
    timeout: number,
    onError?: (error: unknown) => string[],
  ) {
    const { source, end } = held([1]);
    const strategy = AsyncRetryStrategies.fixedDelay({
      maxAttempts: 1000,
      delayMs: 10,
      ifError: RetryPredicates.anyError,
    });
    const options = {
      timeout,
      clock: fn.clock,
      retryStrategy: strategy,
      ...(onError === undefined ? {} : { onError }),
    };
    const read = collectUntilError(waitsOf[mode](source, fn, options));
    await settled();
    await fn.clock.advance(1000);
    end();
    return read;
  }

  test.each(modes)('FLINK-30477 %s: a timeout while a retry waits cancels the retry', async (mode) => {
    const fn = new Failing((result) => result.complete(['fallback']));
    // Calls from 0 to 3, 13 to 16; the third would be at 26, and the deadline of 27 lets its wait begin.
    expect(await run(fn, mode, 27)).toEqual({ all: ['fallback'], error: undefined });
    expect([fn.calls, fn.hooks]).toEqual([3, 1]);
    // Its wait would end at 26, at the very deadline, so it is not begun: the error is final before the hook.
    const early = new Failing((result) => result.complete(['fallback']));
    expect(await run(early, mode, 26)).toMatchObject({ all: [], error: { message: 'not yet' } });
    expect([early.calls, early.hooks]).toEqual([2, 0]);
  });

  test.each(modes)(
    'FLINK-38082 %s: an error that the hook completes with is final, whatever the strategy',
    async (mode) => {
      const fn = new Failing((result) => result.completeExceptionally(new Error('from the hook')));
      const { all, error } = await run(fn, mode, 15);
      expect({ all, cause: causeOf(error) }).toEqual({ all: [], cause: new Error('from the hook') });
      expect([fn.calls, fn.hooks]).toEqual([2, 1]);
    },
  );

  test.each(modes)(
    'FLINK-40456 %s: timeout and retry at one instant leave one outcome, and never none',
    async (mode) => {
      for (let timeout = 1; timeout <= 60; timeout++) {
        const errors: unknown[] = [];
        const fn = new Failing((result) => result.complete(['fallback']));
        const { all, error } = await run(fn, mode, timeout, (failure) => {
          errors.push(failure);
          return ['failed'];
        });
        expect({ timeout, outcomes: all.length, error }).toEqual({ timeout, outcomes: 1, error: undefined });
        expect(fn.hooks + errors.length).toBe(1);
        expect(fn.clock.timers).toBe(0);
      }
    },
  );

  test.each(modes)('%s: a late completion of an old attempt does not complete the new one', async (mode) => {
    const clock = virtualClock();
    const futures: ResultFuture<string>[] = [];
    const fn = { asyncInvoke: (_input: number, result: ResultFuture<string>) => void futures.push(result) };
    const { source, end } = held([1]);
    const options = { timeout: 1000, clock, retryStrategy: exceptionRetry };
    const read = collect(waitsOf[mode](source, fn, options));
    await settled();
    futures[0]?.completeExceptionally(new Error('first'));
    await clock.advance(10);
    expect(futures).toHaveLength(2);
    futures[0]?.complete(['old']);
    await settled();
    futures[1]?.complete(['new']);
    end();
    expect(await read).toEqual(['new']);
  });
});
