import { readFileSync } from 'node:fs';
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
} from '../../src/index.ts';
import { waitRules } from '../../src/library/options/wait-rules.ts';

type Call = (...args: readonly unknown[]) => unknown;

const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 1, delayMs: 1 });
const key = String;

const waits = {
  orderedWait: [orderedWait, {}],
  unorderedWait: [unorderedWait, {}],
  keyedWait: [keyedWait, { key }],
  orderedWaitWithRetry: [orderedWaitWithRetry, { retryStrategy }],
  unorderedWaitWithRetry: [unorderedWaitWithRetry, { retryStrategy }],
  keyedWaitWithRetry: [keyedWaitWithRetry, { key, retryStrategy }],
} as const;

class Rich extends RichAsyncFunction<number, number> {
  override asyncInvoke(): void {}
}

function* generator(): Generator<number> {
  yield 1;
}

const echo = async (input: number): Promise<number[]> => [input];

/** The error that a call throws, before any member of its result is used. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(Object.entries(waits))('a TypeError at the call of %s', (name, [wait, needed]) => {
  const call = wait as Call;

  function refusal(change: { source?: unknown; fn?: unknown; options?: unknown }): string {
    const { source, fn, options } = { source: [1], fn: echo, options: { timeout: 1000, ...needed }, ...change };
    const error = thrownBy(() => call(source, fn, options));
    expect(error).toBeInstanceOf(TypeError);
    return error instanceof Error ? error.message : '';
  }
  const option = (options: object): string => refusal({ options: { timeout: 1000, ...needed, ...options } });

  test.each([
    ['a number', 5, 'not 5'],
    ['a boolean', true, 'not true'],
    ['nothing', undefined, 'not undefined'],
    ['null', null, 'not null'],
    ['a bigint', 5n, 'not 5n'],
    ['an object that is not iterable', { length: 3 }, 'not an object'],
    ['a promise', Promise.resolve([1]), 'not a promise: await it first'],
    ['a generator function', generator, 'not a function: call it first'],
    ['a class', Rich, 'not a class'],
  ])('for a source that is %s', (_what, source, said) => {
    const message = refusal({ source });
    expect(message).toContain(`${name}: the source is an array or another iterable`);
    expect(message).toContain(said);
  });

  test.each([
    ['nothing', undefined, 'not undefined'],
    ['null', null, 'not null'],
    ['text', 'lookup', 'not "lookup"'],
    ['an object without asyncInvoke', { invoke: echo }, 'not an object without asyncInvoke'],
    ['an array', [echo], 'not an array'],
    ['a promise of a function', Promise.resolve(echo), 'not an object without asyncInvoke'],
    ['a class', Rich, 'not a class: pass an instance, made with new'],
  ])('for a function that is %s', (_what, fn, said) => {
    const message = refusal({ fn });
    expect(message).toContain(`${name}: fn is a function (input, context) => values, or an object`);
    expect(message).toContain(said);
  });

  test.each([
    [
      'timeout of an async function',
      Object.assign(async () => [], { timeout: 5 }),
      'fn.timeout is a function, if fn has it, not 5',
    ],
    ['timeout', { asyncInvoke() {}, timeout: '5s' }, 'fn.timeout is a function, if fn has it, not "5s"'],
    ['open', { asyncInvoke() {}, open: true, close() {} }, 'fn.open is a function, if fn has it, not true'],
    ['close', { asyncInvoke() {}, open() {}, close: null }, 'fn.close is a function, if fn has it, not null'],
  ])('for a member of the function that is none: %s', (_what, fn, said) => {
    expect(refusal({ fn })).toBe(`${name}: ${said}`);
  });

  test.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 1000, '1000'],
    ['an array', [1000], 'an array'],
  ])('for options that are %s', (_what, options, said) => {
    expect(refusal({ options })).toBe(`${name}: the options are an object, not ${said}`);
  });

  const wrong: readonly (readonly [string, unknown, string, string])[] = [
    ['timeout', undefined, 'milliseconds, a number of at least 0, 0 for none', 'undefined'],
    ['timeout', -1, 'milliseconds, a number of at least 0, 0 for none', '-1'],
    ['timeout', Number.NaN, 'milliseconds, a number of at least 0, 0 for none', 'NaN'],
    ['timeout', '5s', 'milliseconds, a number of at least 0, 0 for none', '"5s"'],
    ['timeout', 5n, 'milliseconds, a number of at least 0, 0 for none', '5n'],
    ['timeout', null, 'milliseconds, a number of at least 0, 0 for none', 'null'],
    ['capacity', 0, 'a whole number of at least 1', '0'],
    ['capacity', 1.5, 'a whole number of at least 1', '1.5'],
    ['capacity', Infinity, 'a whole number of at least 1', 'Infinity'],
    ['capacity', '10', 'a whole number of at least 1', '"10"'],
    ['signal', new AbortController(), 'an AbortSignal', 'an object'],
    ['signal', 'abort', 'an AbortSignal', '"abort"'],
    ['clock', { now: () => 0 }, 'a Clock, with methods now and setTimer', 'an object'],
    ['clock', Date.now, 'a Clock, with methods now and setTimer', 'a function'],
    ['taskName', '', 'a text that is not empty', '""'],
    ['taskName', 7, 'a text that is not empty', '7'],
    ['parameters', [], 'an object', 'an array'],
    ['parameters', 'url=x', 'an object', '"url=x"'],
    ['metrics', {}, 'a MetricGroup, with methods counter, gauge, histogram and group', 'an object'],
    ['logger', { log() {} }, 'a Logger, with methods debug, info, warn and error', 'an object'],
    ['endOfInput', 'lastRetry', '"finishRetries" or "lastAttempt"', '"lastRetry"'],
    ['endOfInput', true, '"finishRetries" or "lastAttempt"', 'true'],
    ['onError', 'annotate', 'a function (error, input) => values', '"annotate"'],
    ['checkpointEvery', 0, 'a whole number of records of at least 1', '0'],
    ['onCheckpoint', {}, 'a function (checkpoint) => void', 'an object'],
    ['resumeFrom', 1000, 'a Checkpoint, { next, pending: [{ seq, input }, …] }', '1000'],
    ['resumeFrom', { next: 5 }, 'a Checkpoint, { next, pending: [{ seq, input }, …] }', 'an object'],
    ['resumeFrom', { next: 5, pending: [3] }, 'a Checkpoint, { next, pending: [{ seq, input }, …] }', 'an object'],
    ...('key' in needed
      ? ([
          ['key', undefined, 'a function (input) => text', 'undefined'],
          ['key', 'id', 'a function (input) => text', '"id"'],
        ] as const)
      : []),
    ...('retryStrategy' in needed
      ? ([
          [
            'retryStrategy',
            undefined,
            'an AsyncRetryStrategy, such as AsyncRetryStrategies.fixedDelay returns',
            'undefined',
          ],
          ['retryStrategy', 3, 'an AsyncRetryStrategy, such as AsyncRetryStrategies.fixedDelay returns', '3'],
          [
            'retryStrategy',
            { maxAttempts: 3, delayMs: 5 },
            'an AsyncRetryStrategy, such as AsyncRetryStrategies.fixedDelay returns',
            'an object',
          ],
          [
            'retryStrategy',
            { ...retryStrategy, ifError: true },
            'an AsyncRetryStrategy, such as AsyncRetryStrategies.fixedDelay returns',
            'an object',
          ],
        ] as const)
      : []),
  ];
  test.each(wrong)('for the option %s: %o', (option_, value, rule, said) => {
    expect(option({ [option_]: value })).toBe(`${name}: ${option_} is ${rule}, not ${said}`);
  });

  test.each([
    ['capcity', 'capacity'],
    ['timeOut', 'timeout'],
    ['onerror', 'onError'],
    ['endOfinput', 'endOfInput'],
    ['checkpointevery', 'checkpointEvery'],
  ])('for an unknown option, with the nearest known one: %s', (given, known) => {
    expect(option({ [given]: undefined })).toBe(`${name}: there is no option "${given}"; did you mean ${known}?`);
  });

  test('for an unknown option that resembles no option, with the names of all options', () => {
    expect(option({ concurrency: 5 })).toMatch(
      /there is no option "concurrency"; the options are timeout, capacity, signal, clock, .*resumeFrom/,
    );
  });

  test('with the name of the task', () => {
    expect(option({ taskName: 'airports', capacity: 0 })).toBe(
      'airports: capacity is a whole number of at least 1, not 0',
    );
    expect(refusal({ source: 1, options: { taskName: 'airports' } })).toMatch(/^airports: the source is/);
  });

  test('with a long value shortened', () => {
    expect(option({ capacity: 'x'.repeat(10_000) })).toMatch(/not "x{60}…"$/);
  });

  test('for checkpointEvery without onCheckpoint, and for an impossible checkpoint', () => {
    expect(option({ checkpointEvery: 5 })).toBe(`${name}: checkpointEvery, 5, needs onCheckpoint`);
    expect(option({ resumeFrom: { next: -1, pending: [] } })).toContain('resumeFrom.next is a whole number');
    const pending = [{ seq: 9, input: 1 }];
    expect(option({ resumeFrom: { next: 5, pending } })).toContain('resumeFrom.pending is ascending');
  });

  test('but not for correct calls: every option, a source and a function of each kind', async () => {
    const controller = new AbortController();
    const options = {
      timeout: 0.5,
      capacity: 1,
      signal: controller.signal,
      clock: virtualClock(),
      taskName: 'right',
      parameters: { url: 'x' },
      metrics: { counter() {}, gauge() {}, histogram() {}, group() {} },
      logger: console,
      endOfInput: 'lastAttempt',
      onError: () => [],
      checkpointEvery: 1,
      onCheckpoint() {},
      resumeFrom: { next: 0, pending: [] },
      ...needed,
    };
    for (const source of [
      [],
      'ab',
      new Set(),
      generator(),
      ReadableStream.from([1]),
      { [Symbol.asyncIterator]: generator },
    ]) {
      for (const fn of [echo, () => [], { asyncInvoke() {} }, new Rich(), { asyncInvoke() {}, open() {} }]) {
        expect(() => call(source, fn, options)).not.toThrow();
      }
    }
    const unset = Object.fromEntries(Object.keys(options).map((each) => [each, undefined]));
    expect(() => call([], echo, { ...unset, timeout: 1, ...needed })).not.toThrow();
  });

  test('before anything is read or opened', () => {
    const touched: string[] = [];
    const source = { [Symbol.iterator]: () => (touched.push('source'), [][Symbol.iterator]()) };
    const fn = { open: () => touched.push('open'), close() {}, asyncInvoke: () => touched.push('call') };
    expect(() => call(source, fn, { timeout: 'soon', ...needed })).toThrow(TypeError);
    expect(touched).toEqual([]);
  });
});

describe('options that only another function takes are refused with the name of that function', () => {
  test.each([
    [
      () => (orderedWait as Call)([1], echo, { timeout: 1, key }),
      'orderedWait: there is no option key here: keyedWait takes it',
    ],
    [
      () => (unorderedWaitWithRetry as Call)([1], echo, { timeout: 1, retryStrategy, key }),
      'unorderedWaitWithRetry: there is no option key here: keyedWaitWithRetry takes it',
    ],
    [
      () => (keyedWait as Call)([1], echo, { timeout: 1, key, retryStrategy }),
      'keyedWait: there is no option retryStrategy here: keyedWaitWithRetry takes it',
    ],
  ])('%#', (call, message) => {
    expect(thrownBy(call)).toEqual(new TypeError(message));
  });
});

describe('a TypeError for the options of a strategy', () => {
  const { fixedDelay, exponentialBackoff } = AsyncRetryStrategies;
  const right = { maxAttempts: 1, initialDelayMs: 100, maxDelayMs: 2000, multiplier: 2 };
  test.each([
    [
      fixedDelay,
      { delayMs: 1 },
      'fixedDelay: maxAttempts is the number of retries, a whole number of at least 0, not undefined',
    ],
    [fixedDelay, { maxAttempts: -1, delayMs: 1 }, 'a whole number of at least 0, not -1'],
    [fixedDelay, { maxAttempts: 1.5, delayMs: 1 }, 'a whole number of at least 0, not 1.5'],
    [fixedDelay, { maxAttempts: 1 }, 'fixedDelay: delayMs is milliseconds, at least 0, not undefined'],
    [fixedDelay, { maxAttempts: 1, delayMs: Number.NaN }, 'delayMs is milliseconds, at least 0, not NaN'],
    [fixedDelay, { maxAttempts: 1, delayMs: '1s' }, 'delayMs is milliseconds, at least 0, not "1s"'],
    [fixedDelay, { maxAttempts: 1, delay: 1 }, 'fixedDelay: there is no option "delay"; did you mean delayMs?'],
    [
      fixedDelay,
      { maxAttempts: 1, delayMs: 1, ifResult: true },
      'ifResult is a function that returns true or false, not true',
    ],
    [
      fixedDelay,
      { maxAttempts: 1, delayMs: 1, ifError: TypeError.name },
      'ifError is a function that returns true or false, not "TypeError"',
    ],
    [fixedDelay, undefined, 'fixedDelay: the options are an object, not undefined'],
    [
      exponentialBackoff,
      { ...right, maxDelayMs: 50 },
      'exponentialBackoff: maxDelayMs is at least initialDelayMs, 100, not 50',
    ],
    [exponentialBackoff, { ...right, multiplier: 0.5 }, 'multiplier is a number of at least 1, not 0.5'],
    [exponentialBackoff, { ...right, multiplier: Infinity }, 'multiplier is a number of at least 1, not Infinity'],
    [
      exponentialBackoff,
      { ...right, jitter: 'full' },
      'exponentialBackoff: there is no option "jitter"; the options are maxAttempts',
    ],
  ])('%#', (create, options, message) => {
    const error = thrownBy(() => (create as Call)(options));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
  });

  test('and of a predicate', () => {
    expect(() => (RetryPredicates.errorType as Call)('TypeError')).toThrow(
      new TypeError('RetryPredicates.errorType: the argument is a class, as TypeError is, not "TypeError"'),
    );
  });
});

test('docs/library.md describes each option, and no other', () => {
  const page = readFileSync('docs/library.md', 'utf8');
  const table = /\*\*options\*\*\n\n([\s\S]*?)\n\n/.exec(page)?.[1] ?? '';
  const described = table
    .split('\n')
    .slice(2)
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]));
  expect(new Set(described)).toEqual(new Set(Object.keys(waitRules(true, true))));
});
