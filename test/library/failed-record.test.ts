import { describe, expect, test } from 'vitest';
import {
  AsyncRetryStrategies,
  keyedWait,
  orderedWait,
  orderedWaitWithRetry,
  RecordError,
  RecordFailedError,
  unorderedWait,
  virtualClock,
  Watermark,
  type AsyncFn,
  type Checkpoint,
  type WaitOptions,
  type WaitResults,
} from '../../src/index.ts';
import { Calls, collect, Fed, settled } from './stream.ts';

type Item = string | Watermark;
type Wait = (
  source: Iterable<Item> | AsyncIterable<Item>,
  fn: AsyncFn<string, string>,
  options: WaitOptions<string, string>,
) => WaitResults<Item>;

const waits: Readonly<Record<string, Wait>> = {
  orderedWait,
  unorderedWait,
  keyedWait: (source, fn, options) => keyedWait(source, fn, { ...options, key: (input) => input }),
};

const options: WaitOptions<string, string> = { timeout: 0, capacity: 100 };

async function failureOf(results: AsyncIterable<unknown>): Promise<unknown> {
  return collect(results).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function failingAt(wrong: string, error: unknown): AsyncFn<string, string> {
  return async (input) => {
    await settled();
    if (input === wrong) throw error;
    return [input];
  };
}

const failingAttempts: AsyncFn<string, string> = async (_input, { attempt }) => {
  throw new Error(`attempt ${attempt}`);
};

function keyless(input: string): string {
  if (input === 'b') throw new Error('no key');
  return input;
}

describe.each(Object.entries(waits))('%s: the error of a record that ends the iteration', (_name, wait) => {
  test('has the thrown value as its cause, and carries the input and its index', async () => {
    const cause = new TypeError('no such airport');
    const error = await failureOf(wait(['FRA', 'XXX', 'MUC'], failingAt('XXX', cause), options));
    expect(error).toBeInstanceOf(RecordFailedError);
    expect(error).toBeInstanceOf(RecordError);
    expect(error).toMatchObject({ message: 'no such airport', code: 'function_error', input: 'XXX', seq: 1 });
    expect(error instanceof Error && error.cause).toBe(cause);
  });

  test('counts watermarks, as a checkpoint does', async () => {
    const source = ['a', new Watermark(1), 'b', new Watermark(2), new Watermark(3), 'wrong', 'c'];
    expect(await failureOf(wait(source, failingAt('wrong', new Error('no')), options))).toMatchObject({
      input: 'wrong',
      seq: 5,
    });
  });

  test('continues the indices of a checkpoint: pending inputs keep their index', async () => {
    const resumeFrom: Checkpoint<string> = {
      next: 100,
      pending: [
        { seq: 7, input: 'p7' },
        { seq: 42, input: 'p42' },
      ],
    };
    const seqOf = async (wrong: string, more: Partial<WaitOptions<string, string>> = {}): Promise<unknown> => {
      const fn = failingAt(wrong, new Error('no'));
      return failureOf(wait(['n100', new Watermark(1), 'n102'], fn, { ...options, resumeFrom, ...more }));
    };
    expect(await seqOf('p42')).toMatchObject({ input: 'p42', seq: 42 });
    expect(await seqOf('n100')).toMatchObject({ input: 'n100', seq: 100 });
    expect(await seqOf('n102', { onCheckpoint() {} })).toMatchObject({ input: 'n102', seq: 102 });
  });

  test('has its index even if it is admitted long after others, with few slots', async () => {
    const source = Array.from({ length: 1000 }, (_, index) => `r${index}`);
    const error = await failureOf(wait(source, failingAt('r777', new Error('no')), { ...options, capacity: 3 }));
    expect(error).toMatchObject({ input: 'r777', seq: 777 });
  });

  test('carries the input of the function, even if the caller changed it', async () => {
    const record = { id: 1 };
    const fn = async (): Promise<string[]> => {
      record.id = 2;
      throw new Error('no');
    };
    const error = await failureOf(wait([record] as unknown as string[], fn, options));
    expect(error).toMatchObject({ input: { id: 1 }, seq: 0 });
  });

  test.each([
    ['a text', 'out of order', 'out of order'],
    ['an object', { code: 7 }, '[object Object]'],
    ['null', null, 'null'],
  ])('is an Error if what was thrown is %s', async (_what, cause, message) => {
    const error = await failureOf(wait(['a'], failingAt('a', cause), options));
    expect(error).toMatchObject({ message, cause, input: 'a', seq: 0, code: 'function_error' });
  });

  test('has the code timeout or invalid_result if the library detected the failure', async () => {
    const clock = virtualClock();
    const late = failureOf(wait(['a'], () => new Promise(() => {}), { timeout: 10, clock }));
    await clock.advance(10);
    expect(await late).toMatchObject({ code: 'timeout', cause: { code: 'timeout' }, input: 'a', seq: 0 });
    const none = (async () => undefined) as unknown as AsyncFn<string, string>;
    expect(await failureOf(wait(['a'], none, options))).toMatchObject({ code: 'invalid_result', input: 'a', seq: 0 });
  });

  test('may come from onError, which is called with the error itself', async () => {
    const first = new Error('first');
    const second = new Error('second');
    const seen: unknown[] = [];
    const onError = (error: unknown): never => {
      seen.push(error);
      throw second;
    };
    const error = await failureOf(wait(['a', 'b'], failingAt('b', first), { ...options, onError }));
    expect(seen).toEqual([first]);
    expect(seen[0]).toBe(first);
    expect(error).toMatchObject({ message: 'second', cause: second, input: 'b', seq: 1 });
  });

  test('has a message that says so if onError returned no collection', async () => {
    const onError = (() => undefined) as unknown as () => string[];
    const error = await failureOf(wait(['a'], failingAt('a', new Error('no')), { ...options, onError }));
    expect(error).toMatchObject({ code: 'invalid_result', input: 'a', seq: 0 });
    expect(error).toMatchObject({ message: expect.stringContaining('onError gave undefined') });
  });

  test('is not thrown for errors that belong to no record: of source, checkpoint and signal', async () => {
    const broken = new Error('source');
    function* source(): Generator<string> {
      yield 'a';
      throw broken;
    }
    expect(await failureOf(wait(source(), failingAt('', 0), options))).toBe(broken);
    const full = new Error('disk full');
    const onCheckpoint = (): never => {
      throw full;
    };
    expect(await failureOf(wait(['a', 'b'], failingAt('', 0), { ...options, onCheckpoint }))).toBe(full);
    const signal = AbortSignal.abort(new Error('left'));
    expect(await failureOf(wait(['a'], failingAt('', 0), { ...options, signal }))).toBe(signal.reason);
  });
});

test('unordered: of two failures the first one is thrown, with its own index', async () => {
  const calls = new Calls<string>();
  const results = unorderedWait(new Fed('a', 'b', 'c'), calls.fn, options);
  const read = results.next();
  const refuse = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn++) await settled();
    await calls.refuse('c', new Error('no c'));
    await calls.refuse('a', new Error('no a'));
  };
  await Promise.all([expect(read).rejects.toMatchObject({ message: 'no c', input: 'c', seq: 2 }), refuse()]);
});

test('with retries the error of the last attempt is thrown', async () => {
  const clock = virtualClock();
  const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 2, delayMs: 10, ifError: () => true });
  const failed = failureOf(orderedWaitWithRetry(['a'], failingAttempts, { timeout: 100, clock, retryStrategy }));
  await clock.advance(20);
  expect(await failed).toMatchObject({ message: 'attempt 3', cause: new Error('attempt 3'), input: 'a', seq: 0 });
});

test('a key that fails is the error of its record', async () => {
  const error = await failureOf(keyedWait(['a', 'b'], failingAt('', 0), { timeout: 0, key: keyless }));
  expect(error).toMatchObject({ message: 'no key', input: 'b', seq: 1 });
});

test('the error that ends an iteration has a stack', async () => {
  const error = await failureOf(orderedWait(['a'], failingAt('a', new Error('no')), options));
  expect(error).toBeInstanceOf(RecordFailedError);
  expect((error as RecordFailedError).stack).toContain(' at ');
});
