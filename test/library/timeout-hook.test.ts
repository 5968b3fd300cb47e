import { describe, expect, test } from 'vitest';
import {
  AsyncRetryStrategies,
  keyedWait,
  keyedWaitWithRetry,
  orderedWait,
  orderedWaitWithRetry,
  RetryPredicates,
  RichAsyncFunction,
  unorderedWait,
  unorderedWaitWithRetry,
  virtualClock,
  type AsyncContext,
  type AsyncFn,
  type AsyncFunction,
  type ResultFuture,
  type VirtualClock,
  type WaitOptions,
  type WaitResults,
} from '../../src/index.ts';
import { collect, Fed } from './stream.ts';

type Fn = AsyncFn<number, string> | AsyncFunction<number, string>;
type Hook = (input: number, result: ResultFuture<string>, context: AsyncContext) => unknown;
type Wait = (
  source: Iterable<number> | AsyncIterable<number>,
  fn: Fn,
  options: WaitOptions<number, string>,
) => WaitResults<string>;

const timeout = 50;

/** A strategy that would always retry, for every outcome of the hook. */
const retryStrategy = AsyncRetryStrategies.fixedDelay<string>({
  maxAttempts: 1000,
  delayMs: 10,
  ifResult: () => true,
  ifError: RetryPredicates.anyError,
});
const key = (input: number): string => `${input % 2}`;

const waits: Readonly<Record<string, Wait>> = {
  orderedWait,
  unorderedWait,
  keyedWait: (source, fn, options) => keyedWait(source, fn, { ...options, key }),
  orderedWaitWithRetry: (source, fn, options) => orderedWaitWithRetry(source, fn, { ...options, retryStrategy }),
  unorderedWaitWithRetry: (source, fn, options) => unorderedWaitWithRetry(source, fn, { ...options, retryStrategy }),
  keyedWaitWithRetry: (source, fn, options) => keyedWaitWithRetry(source, fn, { ...options, retryStrategy, key }),
};

function onError(error: unknown): string[] {
  return [error instanceof Error ? `error: ${error.message}` : 'no error'];
}

/** A result as the promise of the idiomatic style. */
function promised(hook: Hook, input: number, context: AsyncContext): Promise<Iterable<string>> {
  return new Promise((resolve, reject) => {
    const complete = (values: Iterable<string> | (() => Iterable<string>)): void =>
      resolve(typeof values === 'function' ? values() : values);
    hook(input, { complete, completeExceptionally: reject }, context);
  });
}

/** Functions that never answer, and whose hook is the one of the case. */
const styles: Readonly<Record<string, (hook: Hook) => Fn>> = {
  'AsyncFn.timeout': (hook) =>
    Object.assign(() => new Promise<string[]>(() => {}), {
      timeout: (input: number, context: AsyncContext) => promised(hook, input, context),
    }),
  'AsyncFunction.timeout': (hook) => ({
    asyncInvoke() {},
    timeout: (input, result, context) => void hook(input, result, context),
  }),
  'AsyncFunction.timeout, async': (hook) => ({
    asyncInvoke() {},
    async timeout(input, result, context) {
      hook(input, result, context);
    },
  }),
  'RichAsyncFunction.timeout': (hook) =>
    new (class extends RichAsyncFunction<number, string> {
      override asyncInvoke(): void {}

      override timeout(input: number, result: ResultFuture<string>, context: AsyncContext): void {
        hook(input, result, context);
      }
    })(),
};

const cases = Object.entries(waits).flatMap(([waitName, wait]) =>
  Object.entries(styles).map(([style, fnOf]) => ({ waitName, style, wait, fnOf })),
);

describe.each(cases)('$waitName, $style', ({ wait, fnOf }) => {
  /** Reads all of `inputs`; the error counts as a value. */
  function read(clock: VirtualClock, hook: Hook, inputs: Iterable<number> = [1]): Promise<unknown[]> {
    return collect(wait(inputs, fnOf(hook), { timeout, clock, onError }));
  }

  test('T2 a hook that answers at once decides the outcome', async () => {
    const clock = virtualClock();
    const all = read(clock, (input, result) => result.complete([`${input} by hook`]));
    await clock.advance(timeout);
    expect([await all, clock.timers]).toEqual([['1 by hook'], 0]);
  });

  test('T2 a hook may answer until its own time has run out', async () => {
    const clock = virtualClock();
    const all = read(clock, (input, result) => void clock.setTimer(49, () => result.complete([`${input} later`])));
    await clock.advance(timeout + 49);
    expect([await all, clock.now(), clock.timers]).toEqual([['1 later'], 99, 0]);
  });

  test('T2 a hook may fail later, or give no value', async () => {
    const clock = virtualClock();
    const all = read(
      clock,
      (input, result) =>
        void clock.setTimer(10, () =>
          input === 1 ? result.completeExceptionally(new Error('no fallback')) : result.complete([]),
        ),
      [1, 2],
    );
    await clock.advance(timeout + 10);
    expect([await all, clock.timers]).toEqual([['error: no fallback'], 0]);
  });

  test('T2 a hook that never answers has as long again as timeout; then its signal is aborted and the error is timeout', async () => {
    const clock = virtualClock(1000);
    const contexts: AsyncContext[] = [];
    const late: ResultFuture<string>[] = [];
    const errors: unknown[] = [];
    const noted = (error: unknown): string[] => {
      errors.push(error);
      return [`at ${clock.now()}`];
    };
    const hook: Hook = (_input, result, context) => {
      contexts.push(context);
      late.push(result);
    };
    const all = collect(wait([1, 2], fnOf(hook), { timeout, clock, onError: noted }));
    await clock.advance(99);
    expect(contexts.map(({ deadline, signal }) => [deadline, signal.aborted])).toEqual([
      [1100, false],
      [1100, false],
    ]);
    await clock.advance(1);
    expect(await all).toEqual(['at 1100', 'at 1100']);
    expect(errors).toMatchObject([{ code: 'timeout' }, { code: 'timeout' }]);
    for (const result of late) result.complete(['too late']);
    expect([contexts.map(({ signal }) => signal.aborted), clock.timers]).toEqual([[true, true], 0]);
  });

  test('T3 the first answer of a hook is final, and no predicate is called with it', async () => {
    const clock = virtualClock();
    const all = read(clock, (_input, result) => {
      clock.setTimer(10, () => result.complete(['first']));
      clock.setTimer(11, () => result.completeExceptionally(new Error('second')));
      clock.setTimer(12, () => result.complete(['third']));
    });
    await clock.advance(1000);
    expect(await all).toEqual(['first']);
  });

  test('E2 leaving while a hook has not answered aborts the hook, and its answer is ignored', async () => {
    const clock = virtualClock();
    let answer: (() => void) | undefined;
    let signal: AbortSignal | undefined;
    const hook: Hook = (_input, result, context) => {
      ({ signal } = context);
      answer = () => result.complete(['late']);
    };
    const results = wait(new Fed(1), fnOf(hook), { timeout, clock });
    const next = results.next();
    await clock.advance(timeout + 10);
    await results.return();
    answer?.();
    expect([await next, signal?.aborted, clock.timers]).toEqual([{ done: true, value: undefined }, true, 0]);
  });
});

describe.each(Object.entries(waits))('%s', (_name, wait) => {
  test.each([
    ['an async function', () => new Promise<string[]>(() => {})],
    ['an object', { asyncInvoke() {} }],
    [
      'a RichAsyncFunction that does not override it',
      new (class extends RichAsyncFunction<number, string> {
        override asyncInvoke(): void {}
      })(),
    ],
  ] as const)('T2 without a hook, %s gives the error timeout at once', async (_style, fn) => {
    const clock = virtualClock();
    const read = wait([7], fn, { timeout, clock }).next();
    await Promise.all([
      expect(read).rejects.toMatchObject({ code: 'timeout', input: 7, seq: 0 }),
      clock.advance(timeout),
    ]);
    expect(clock.timers).toBe(0);
  });

  test('T2 the error that a hook throws or rejects with is the error of the record', async () => {
    for (const fn of [
      { asyncInvoke() {}, timeout: () => Promise.reject(new Error('hook')) },
      {
        asyncInvoke() {},
        timeout(): void {
          throw new Error('hook');
        },
      },
    ]) {
      const clock = virtualClock();
      const read = wait([1], fn, { timeout, clock }).next();
      await Promise.all([expect(read).rejects.toMatchObject({ cause: new Error('hook') }), clock.advance(timeout)]);
      expect(clock.timers).toBe(0);
    }
  });

  test('T4 the hook of a completed record is never called, even while its result is not read', async () => {
    const clock = virtualClock();
    let hooks = 0;
    const fn = Object.assign(async (input: number) => [`${input}`], {
      timeout: () => {
        hooks++;
        return [];
      },
    });
    const results = wait([1, 2], fn, { timeout, clock, endOfInput: 'lastAttempt' });
    await results.next();
    await clock.advance(1000);
    expect((await results.next()).value).toBe('2');
    expect(hooks).toBe(0);
  });
});
