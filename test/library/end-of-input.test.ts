import { describe, expect, test } from 'vitest';
import {
  AsyncRetryStrategies,
  keyedWaitWithRetry,
  orderedWaitWithRetry,
  RetryPredicates,
  unorderedWaitWithRetry,
  virtualClock,
  type AsyncContext,
  type RetryOptions,
  type WaitOptions,
  type WaitResults,
} from '../../src/index.ts';
import { collect } from './stream.ts';

type Wait = (
  source: Iterable<number> | AsyncIterable<number>,
  fn: (input: number, context: AsyncContext) => Promise<string[]>,
  options: WaitOptions<number, string> & RetryOptions<string>,
) => WaitResults<string>;

const waits: Readonly<Record<string, Wait>> = {
  orderedWaitWithRetry,
  unorderedWaitWithRetry,
  keyedWaitWithRetry: (source, fn, options) => keyedWaitWithRetry(source, fn, { ...options, key: String }),
};

async function* yielded(inputs: Iterable<number>): AsyncGenerator<number> {
  yield* inputs;
}

const inputs = Array.from({ length: 50 }, (_, index) => index + 1);
const sources: Readonly<Record<string, () => Iterable<number> | AsyncIterable<number>>> = {
  'an array': () => inputs,
  'a Set': () => new Set(inputs),
  'an async generator': () => yielded(inputs),
  'a ReadableStream': () => ReadableStream.from(inputs),
};

const retryStrategy = AsyncRetryStrategies.fixedDelay<string>({
  maxAttempts: 3,
  delayMs: 100,
  ifResult: RetryPredicates.emptyResult,
  ifError: RetryPredicates.anyError,
});

describe.each(Object.entries(waits))('%s', (_name, wait) => {
  /** Every call before the third one fails, half of them with an empty result. */
  async function run(source: Iterable<number> | AsyncIterable<number>, options: Partial<WaitOptions<number, string>>) {
    const clock = virtualClock();
    const calls: { readonly input: number; readonly attempt: number; readonly at: number }[] = [];
    const read = collect(
      wait(
        source,
        async (input, { attempt }) => {
          calls.push({ input, attempt, at: clock.now() });
          if (attempt >= 3) return [`${input}`];
          if (input % 2 === 0) return [];
          throw new Error(`no ${input}`);
        },
        { timeout: 1000, clock, retryStrategy, onError: (error) => [String(error)], ...options },
      ),
    );
    await clock.advance(5000);
    return { all: await read, calls, timers: clock.timers };
  }

  describe.each(Object.entries(sources))('over %s', (_source, sourceOf) => {
    test('R6 the end of the input changes nothing for records that wait for a retry', async () => {
      const { all, calls, timers } = await run(sourceOf(), {});
      expect(all.toSorted((a, b) => Number(a) - Number(b))).toEqual(inputs.map(String));
      expect(calls).toHaveLength(150);
      expect(new Set(calls.map(({ attempt, at }) => `${attempt} at ${at}`))).toEqual(
        new Set(['1 at 0', '2 at 100', '3 at 200']),
      );
      expect(timers).toBe(0);
      expect(await run(sourceOf(), { endOfInput: 'finishRetries' })).toEqual({ all, calls, timers });
    });

    test('R6 with fewer slots than elements the last elements keep their retries as well', async () => {
      const { all, calls } = await run(sourceOf(), { capacity: 7 });
      expect(all).toHaveLength(50);
      expect(calls.filter(({ input }) => input === 50).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    });
  });

  test('R4 R6 a record keeps its retries until its time runs out', async () => {
    const { all, calls } = await run([1, 2], { timeout: 200 });
    expect(all).toEqual(['Error: no 1']);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 1, 2, 2]);
  });

  test('R6 lastAttempt: each waiting record is tried once more, at once, and that outcome is final', async () => {
    const { all, calls, timers } = await run(yielded([1, 2]), { endOfInput: 'lastAttempt' });
    expect(all).toEqual(['Error: no 1']);
    expect(calls.every(({ at }) => at === 0)).toBe(true);
    expect(calls.filter(({ input }) => input === 1).map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(timers).toBe(0);
  });
});
