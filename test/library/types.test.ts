import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { expect, expectTypeOf, test } from 'vitest';
import {
  AsyncRetryStrategies,
  defineLookup,
  keyedWait,
  keyedWaitWithRetry,
  orderedWait,
  orderedWaitWithRetry,
  type RecordError,
  type RecordFailedError,
  RetryPredicates,
  RichAsyncFunction,
  unorderedWait,
  Watermark,
  type AsyncContext,
  type AsyncFn,
  type AsyncFunction,
  type Checkpoint,
  type IterationRuntimeContext,
  type ResultFuture,
  type RuntimeContext,
  type WaitResults,
} from '../../src/index.ts';

/**
 * What the compiler accepts. Each `@ts-expect-error` marks a line that must not compile; if one does, `npm run check:types`
 * fails. Nothing in this file is called.
 */
const uncalled = (...lines: readonly (() => unknown)[]): number => lines.length;

const double = async (value: number): Promise<number[]> => [value * 2];
async function* generated(): AsyncGenerator<number> {
  yield 1;
}

async function cityOf({ iata }: { readonly iata: string }) {
  return [{ city: iata }];
}

const timeout = 1000;
const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 1, delayMs: 1 });

test('the type of the results follows from the function, and that of the watermarks from the source', () => {
  expect(
    uncalled(() => {
      expectTypeOf(orderedWait([1], double, { timeout })).toEqualTypeOf<WaitResults<number>>();
      expectTypeOf(unorderedWait([1], async (n) => [`${n}`], { timeout })).toEqualTypeOf<WaitResults<string>>();
      expectTypeOf(unorderedWait([1], (n) => new Set([n > 1]), { timeout })).toEqualTypeOf<WaitResults<boolean>>();
      const mixed: (number | Watermark<number>)[] = [];
      expectTypeOf(orderedWait(mixed, double, { timeout })).toEqualTypeOf<WaitResults<number | Watermark<number>>>();
      expectTypeOf(orderedWaitWithRetry([1], double, { timeout, retryStrategy })).toEqualTypeOf<WaitResults<number>>();
      return keyedWait([{ id: 'a' }], async (record) => [record.id], { timeout, key: (record) => record.id });
    }),
  ).toBeGreaterThan(0);
});

test('a source is an array, any iterable, a Node stream or a web stream', () => {
  expect(
    uncalled(
      () => orderedWait([1], double, { timeout }),
      () => orderedWait(new Set([1]), double, { timeout }),
      () => orderedWait(generated(), double, { timeout }),
      () => orderedWait<number, number>(Readable.from([1]), double, { timeout }),
      () => orderedWait(ReadableStream.from([1]), double, { timeout }),
      () => orderedWait(orderedWait([1], double, { timeout }), double, { timeout }),
      // @ts-expect-error a number is no source
      () => orderedWait(1, double, { timeout }),
      // @ts-expect-error a promise of an array is no source
      () => orderedWait(Promise.resolve([1]), double, { timeout }),
    ),
  ).toBeGreaterThan(0);
});

test('a function returns a collection or a promise of one, and takes the elements of the source', () => {
  expect(
    uncalled(
      // @ts-expect-error a bare value is no collection
      () => orderedWait([1], async (value) => value * 2, { timeout }),
      // @ts-expect-error undefined is no collection
      () => orderedWait([1], async () => {}, { timeout }),
      // @ts-expect-error null is no collection
      () => orderedWait([1], () => null, { timeout }),
      // @ts-expect-error the elements of the source are text
      () => orderedWait(['a'], double, { timeout }),
      // @ts-expect-error the function is not called with watermarks
      () => orderedWait([new Watermark(1), 2], async (item: Watermark) => [item], { timeout }),
      () =>
        orderedWait([1], async (_value, context) => [context.signal.aborted, context.attempt, context.deadline], {
          timeout,
        }),
      // @ts-expect-error the context is read, not written
      () => orderedWait([1], async (_value, context) => [(context.attempt = 2)], { timeout }),
    ),
  ).toBeGreaterThan(0);
});

test('the callback style is typed as well', () => {
  const fn: AsyncFunction<number, string> = {
    asyncInvoke(input, result, context: AsyncContext) {
      result.complete([`${input} ${context.attempt}`]);
      result.complete(() => new Set(['a']));
      result.completeExceptionally(new Error('x'));
      // @ts-expect-error the results are text
      result.complete([1]);
      // @ts-expect-error a result is a collection
      result.complete(1);
    },
    timeout: (_input, result) => result.complete([]),
  };
  expect(
    uncalled(
      () => orderedWait([1], fn, { timeout }),
      // @ts-expect-error the elements of the source are text
      () => orderedWait(['a'], fn, { timeout }),
      // @ts-expect-error asyncInvoke is missing
      () => orderedWait([1], { timeout: () => {} }, { timeout }),
    ),
  ).toBeGreaterThan(0);
});

test('options: a timeout is required; so is a key for keyedWait, and a strategy for the functions with retry', () => {
  expect(
    uncalled(
      // @ts-expect-error no timeout
      () => orderedWait([1], double, {}),
      // @ts-expect-error no options
      () => orderedWait([1], double),
      // @ts-expect-error milliseconds
      () => orderedWait([1], double, { timeout: '5s' }),
      // @ts-expect-error a misspelling
      () => orderedWait([1], double, { timeout, capcity: 5 }),
      // @ts-expect-error no key
      () => keyedWait([1], double, { timeout }),
      // @ts-expect-error a key is text
      () => keyedWait([1], double, { timeout, key: (value) => value }),
      // @ts-expect-error no strategy
      () => orderedWaitWithRetry([1], double, { timeout }),
      // @ts-expect-error neither key nor strategy
      () => keyedWaitWithRetry([1], double, { timeout }),
      // @ts-expect-error only the functions with retry take a strategy
      () => orderedWait([1], double, { timeout, retryStrategy }),
      () => orderedWait([1], double, { timeout, endOfInput: 'lastAttempt' }),
      // @ts-expect-error one of two
      () => orderedWait([1], double, { timeout, endOfInput: 'now' }),
      // @ts-expect-error a function
      () => orderedWait([1], double, { timeout, onCheckpoint: true }),
      () => orderedWait([1], double, { timeout, onError: (error: unknown, input) => [input, String(error).length] }),
      // @ts-expect-error the fallback is of the type of the results
      () => orderedWait<number, number>([1], double, { timeout, onError: () => ['text'] }),
    ),
  ).toBeGreaterThan(0);
});

test('a strategy has the type of the results', () => {
  const emptyText = AsyncRetryStrategies.fixedDelay<string>({
    maxAttempts: 1,
    delayMs: 1,
    ifResult: (values) => values[0]?.length === 0,
  });
  expect(
    uncalled(
      () => orderedWaitWithRetry([1], async (n) => [`${n}`], { timeout, retryStrategy: emptyText }),
      // @ts-expect-error the results are numbers
      () => orderedWaitWithRetry([1], double, { timeout, retryStrategy: emptyText }),
      // @ts-expect-error no delay
      () => AsyncRetryStrategies.fixedDelay({ maxAttempts: 1 }),
      // @ts-expect-error no bound
      () => AsyncRetryStrategies.exponentialBackoff({ maxAttempts: 1, initialDelayMs: 1, multiplier: 2 }),
      // @ts-expect-error a class, not its name
      () => RetryPredicates.errorType('TypeError'),
      () => [RetryPredicates.errorType(TypeError), RetryPredicates.errorType(AggregateError)],
    ),
  ).toBeGreaterThan(0);
});

test('a rich function has the members of its context, and the compiler refuses others', () => {
  class Rich extends RichAsyncFunction<number, string> {
    override open(runtime: RuntimeContext): void {
      runtime.metrics.counter('calls').inc();
      // @ts-expect-error parameters are not written
      runtime.parameters = {};
    }

    override asyncInvoke(input: number, result: ResultFuture<string>): void {
      result.complete([`${input}`]);
    }
  }
  expect(
    uncalled(
      () => orderedWait([1], new Rich(), { timeout }),
      // @ts-expect-error an instance, not its class
      () => orderedWait([1], Rich, { timeout }),
      // @ts-expect-error asyncInvoke is required
      () => new (class extends RichAsyncFunction<number, string> {})(),
    ),
  ).toBeGreaterThan(0);
  expectTypeOf<ReturnType<RuntimeContext['getState']>>().toBeNever();
  expectTypeOf<IterationRuntimeContext['superstep']>().toEqualTypeOf<number>();
});

test('a checkpoint holds the inputs of its source', () => {
  const text: Checkpoint<string> = { next: 1, pending: [{ seq: 0, input: 'a' }] };
  expect(
    uncalled(
      () =>
        orderedWait([1], double, {
          timeout,
          onCheckpoint: ({ pending }) => expectTypeOf(pending[0]?.input).toEqualTypeOf<number | undefined>(),
        }),
      // @ts-expect-error inputs are numbers
      () => orderedWait<number, number>([1], double, { timeout, resumeFrom: text }),
    ),
  ).toBeGreaterThan(0);
});

test('the error of a record has its input and its index, and is a RecordError', () => {
  expectTypeOf<RecordFailedError<string>['input']>().toEqualTypeOf<string>();
  expectTypeOf<RecordFailedError['input']>().toBeUnknown();
  expectTypeOf<RecordFailedError['seq']>().toEqualTypeOf<number>();
  expectTypeOf<RecordFailedError>().toExtend<RecordError>();
  expectTypeOf<RecordFailedError>().toExtend<Error>();
});

test('defineLookup returns its argument, with typed arguments', () => {
  const fn: AsyncFn<{ readonly iata: string }, { readonly city: string }> = cityOf;
  expect(defineLookup(fn)).toBe(fn);
  class Lookup extends RichAsyncFunction<{ readonly iata: string }, string> {
    override asyncInvoke({ iata }: { readonly iata: string }, result: ResultFuture<string>): void {
      result.complete([iata]);
    }
  }
  expect(defineLookup(Lookup)).toBe(Lookup);
  const instance = new Lookup();
  expect(defineLookup(instance)).toBe(instance);
  expect(
    uncalled(
      () => defineLookup<{ readonly iata: string }>(async ({ iata }) => [iata.toLowerCase()]),
      () => defineLookup(async (args) => [args['iata']]),
      // @ts-expect-error there is no such argument
      () => defineLookup<{ readonly iata: string }>(async ({ icao }) => [icao]),
      // @ts-expect-error no collection
      () => defineLookup(async () => 5),
    ),
  ).toBeGreaterThan(0);
});
