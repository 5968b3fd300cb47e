import { describe, expect, test } from 'vitest';
import {
  AsyncRetryStrategies,
  keyedWaitWithRetry,
  orderedWaitWithRetry,
  RetryPredicates,
  unorderedWaitWithRetry,
  virtualClock,
  type AsyncContext,
  type AsyncFn,
  type ResultFuture,
} from '../../src/index.ts';
import { Calls, collect, Fed, settled } from './stream.ts';

const { fixedDelay, exponentialBackoff } = AsyncRetryStrategies;
const { anyError, emptyResult, errorType } = RetryPredicates;

async function emptyOrWrong(input: number): Promise<string[]> {
  if (input === 1) return [];
  throw new TypeError('wrong');
}

describe('AsyncRetryStrategies', () => {
  test('RS-01 R3 the delays of a strategy are the same for every record', () => {
    const strategy = exponentialBackoff({ maxAttempts: 10, initialDelayMs: 100, maxDelayMs: 2000, multiplier: 2 });
    const attempts = Array.from({ length: 10 }, (_, index) => index + 1);
    for (let record = 0; record < 5; record++) {
      expect(attempts.map((attempt) => strategy.delay(attempt))).toEqual([
        100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000,
      ]);
      expect([strategy.canRetry(10), strategy.canRetry(11)]).toEqual([true, false]);
    }
  });

  test('R2 maxAttempts counts retries', () => {
    const strategy = fixedDelay({ maxAttempts: 2, delayMs: 50 });
    expect([1, 2, 3].map((attempt) => strategy.canRetry(attempt))).toEqual([true, true, false]);
    expect([strategy.delay(1), strategy.delay(2)]).toEqual([50, 50]);
  });

  test.each([
    [() => fixedDelay({ maxAttempts: -1, delayMs: 1 }), 'fixedDelay: maxAttempts is the number of retries'],
    [() => fixedDelay({ maxAttempts: 1.5, delayMs: 1 }), 'a whole number of at least 0, not 1.5'],
    [() => fixedDelay({ maxAttempts: 1, delayMs: Number.NaN }), 'delayMs is milliseconds, at least 0, not NaN'],
    [
      () => exponentialBackoff({ maxAttempts: 1, initialDelayMs: 100, maxDelayMs: 50, multiplier: 2 }),
      'maxDelayMs is at least initialDelayMs, 100, not 50',
    ],
    [
      () => exponentialBackoff({ maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 50, multiplier: 0.5 }),
      'multiplier is a number of at least 1, not 0.5',
    ],
  ])('options that cannot be are refused by name (%#)', (create, message) => {
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
  });

  test('errorType matches the class and its subclasses', () => {
    const typeError = errorType(TypeError);
    expect([typeError(new TypeError('x')), typeError(new Error('x')), errorType(Error)(new TypeError('x'))]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe.each([
  ['ordered', orderedWaitWithRetry],
  ['unordered', unorderedWaitWithRetry],
] as const)('%sWaitWithRetry', (_mode, wait) => {
  test('T5 a timeout is required', () => {
    const retryStrategy = fixedDelay({ maxAttempts: 1, delayMs: 1 });
    expect(() => wait([1], async () => [], { timeout: 0, retryStrategy })).toThrow('a timeout is required');
    expect(() => wait([1], async () => [], { timeout: Infinity, retryStrategy })).toThrow('a timeout is required');
  });

  test('each attempt has its number, all have the deadline of the record', async () => {
    const clock = virtualClock(1000);
    const seen: [number, number][] = [];
    const fn: AsyncFn<number, string> = async (_input, { attempt, deadline }) => {
      seen.push([attempt, deadline]);
      return attempt < 3 ? [] : ['found'];
    };
    const source = new Fed(1);
    const retryStrategy = fixedDelay({ maxAttempts: 5, delayMs: 10, ifResult: emptyResult });
    const read = wait(source, fn, { timeout: 500, clock, retryStrategy }).next();
    await settled();
    await clock.advance(20);
    expect((await read).value).toBe('found');
    expect(seen).toEqual([
      [1, 1500],
      [2, 1500],
      [3, 1500],
    ]);
    source.end();
  });

  test('R4 a wait that could not end before the deadline does not begin: the last outcome is final at once', async () => {
    const clock = virtualClock();
    const error = new Error('down');
    const retryStrategy = fixedDelay({ maxAttempts: 5, delayMs: 100, ifError: anyError });
    const fails = async (): Promise<string[]> => {
      throw error;
    };
    const read = wait(new Fed(1), fails, { timeout: 100, clock, retryStrategy }).next();
    await expect(read).rejects.toMatchObject({ message: 'down', cause: error, input: 1, seq: 0 });
    expect(clock.timers).toBe(0);
  });

  test('R5 an exhausted empty result emits nothing and is no error; an exhausted error is thrown', async () => {
    const clock = virtualClock();
    const source = new Fed(1, 2);
    const strategy = fixedDelay({ maxAttempts: 2, delayMs: 10, ifResult: emptyResult, ifError: errorType(TypeError) });
    const read = wait(source, emptyOrWrong, { timeout: 1000, clock, retryStrategy: strategy }).next();
    await settled();
    await Promise.all([expect(read).rejects.toThrow('wrong'), clock.advance(20)]);
    expect(clock.timers).toBe(0);
  });

  test('R6 lastAttempt: at the end of the input each waiting record is tried once more at once, and running calls go on', async () => {
    const clock = virtualClock();
    const source = new Fed(1, 2);
    const calls = new Calls<string>();
    const retryStrategy = fixedDelay({ maxAttempts: 9, delayMs: 100, ifResult: emptyResult });
    const options = { timeout: 1000, clock, retryStrategy, endOfInput: 'lastAttempt' } as const;
    const read = collect(wait(source, calls.fn, options));
    await settled();
    await settled();
    await calls.answer(1);
    source.end();
    await settled();
    expect(calls.contexts.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    await calls.answer(1);
    await calls.answer(2);
    expect(await read).toEqual([]);
    expect([calls.contexts.length, clock.now(), clock.timers]).toEqual([3, 0, 0]);
  });

  test('C2 a record that waits for a retry keeps its slot', async () => {
    const clock = virtualClock();
    const called: number[] = [];
    const fn: AsyncFn<number, number> = async (input, { attempt }) => {
      called.push(input);
      return attempt === 1 ? [] : [input];
    };
    const retryStrategy = fixedDelay({ maxAttempts: 1, delayMs: 10, ifResult: emptyResult });
    const results = wait(new Fed(1, 2, 3), fn, { timeout: 1000, capacity: 2, clock, retryStrategy });
    const read = results.next();
    await settled();
    await settled();
    expect(called).toEqual([1, 2]);
    await clock.advance(10);
    expect((await read).value).toBe(1);
    await results.return();
    expect(clock.timers).toBe(0);
  });

  test('the error that a predicate throws is the error of the record', async () => {
    const broken = fixedDelay<string>({
      maxAttempts: 1,
      delayMs: 1,
      ifResult() {
        throw new Error('predicate');
      },
    });
    const read = wait(new Fed(1), async () => ['x'], {
      timeout: 10,
      clock: virtualClock(),
      retryStrategy: broken,
    }).next();
    await expect(read).rejects.toThrow('predicate');
  });

  test('a function that answers at once is retried as well, and a collection of any kind is a result', async () => {
    const clock = virtualClock();
    const seen: number[] = [];
    const fn = (input: number, { attempt }: AsyncContext): Iterable<number> => {
      seen.push(attempt);
      if (attempt === 1) throw new Error('at first');
      return new Set([input, input + 1]);
    };
    const retryStrategy = fixedDelay({ maxAttempts: 1, delayMs: 1, ifError: anyError });
    const read = collect(wait([1], fn, { timeout: 10, clock, retryStrategy }));
    await clock.advance(1);
    expect(await read).toEqual([1, 2]);
    expect(seen).toEqual([1, 2]);
  });

  test('P1 a call that completes and then throws has completed', async () => {
    const fn = {
      asyncInvoke(input: number, result: ResultFuture<number>) {
        result.complete([input]);
        throw new Error('afterwards');
      },
    };
    const retryStrategy = fixedDelay({ maxAttempts: 1, delayMs: 1, ifError: anyError });
    expect(await collect(wait([1], fn, { timeout: 10, clock: virtualClock(), retryStrategy }))).toEqual([1]);
  });

  test('E2 leaving cancels waits and calls, and aborts the signal of each attempt', async () => {
    const clock = virtualClock();
    const calls = new Calls<string>();
    const retryStrategy = fixedDelay({ maxAttempts: 9, delayMs: 100, ifResult: emptyResult });
    const results = wait(new Fed(1, 2), calls.fn, { timeout: 1000, clock, retryStrategy });
    const read = results.next();
    await settled();
    await settled();
    await calls.answer(1);
    await results.return();
    await read;
    expect(calls.contexts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(clock.timers).toBe(0);
  });
});

test('keyedWaitWithRetry: the records of a key wait while one of them is retried; those of other keys do not', async () => {
  const clock = virtualClock();
  const called: string[] = [];
  const fn: AsyncFn<string, string> = async (input, { attempt }) => {
    called.push(`${input} ${attempt}`);
    return input === 'a1' && attempt === 1 ? [] : [input];
  };
  const retryStrategy = fixedDelay({ maxAttempts: 1, delayMs: 10, ifResult: emptyResult });
  const source = new Fed('a1', 'a2', 'b1');
  const options = { timeout: 100, clock, retryStrategy, key: (input: string) => input.slice(0, 1) };
  const read = collect(keyedWaitWithRetry(source, fn, options));
  for (let turn = 0; turn < 3; turn++) await settled();
  expect(called).toEqual(['a1 1', 'b1 1']);
  await clock.advance(10);
  source.end();
  expect(await read).toEqual(['b1', 'a1', 'a2']);
  expect(called).toEqual(['a1 1', 'b1 1', 'a1 2', 'a2 1']);
});
