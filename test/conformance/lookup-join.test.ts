import { describe, expect, test } from 'vitest';
import { orderedWait, unorderedWait, virtualClock, type ResultFuture } from '../../src/index.ts';
import { causeOf, collect, Held, settled } from './stream.ts';

/** One record that times out after 10 ms; each test has its own hook, whose time is over after another 10 ms. */
async function timedOut(hook: (input: number, result: ResultFuture<string>) => void, advanceMs = 10) {
  const clock = virtualClock();
  const held = new Held<string>(hook);
  const read = collect(unorderedWait([1], held, { timeout: 10, clock })).then(
    (all) => ({ all, error: undefined }),
    (error: unknown) => ({ all: [], error }),
  );
  await clock.advance(advanceMs);
  return { held, read };
}

describe('AsyncLookupJoinRunnerTimeoutTest', () => {
  test('ALR-01 if the hook decides nothing, the record fails with timeout and has no result', async () => {
    const { read } = await timedOut(() => {}, 20);
    expect(await read).toMatchObject({ all: [], error: { code: 'timeout' } });
  });

  test('ALR-06 a complete record does not time out while its result is not read', async () => {
    const clock = virtualClock();
    const timedOutInputs: number[] = [];
    const fn = {
      asyncInvoke: (input: number, result: ResultFuture<string>) => result.complete([`row ${input}`]),
      timeout: (input: number) => void timedOutInputs.push(input),
    };
    const results = orderedWait([1, 2], fn, { timeout: 10, clock });
    expect((await results.next()).value).toBe('row 1');
    await clock.advance(100);
    expect((await results.next()).value).toBe('row 2');
    expect(timedOutInputs).toEqual([]);
  });

  test('ALR-07 an error of the hook is the error of the record', async () => {
    const thrown = new Error('timeout hook');
    const { read } = await timedOut(() => {
      throw thrown;
    });
    expect(causeOf((await read).error)).toBe(thrown);
  });

  test('ALR-10 an error of the function is passed on, and there is no result', async () => {
    const held = new Held<string>();
    const read = orderedWait([1], held, { timeout: 0 }).next();
    const error = new Error('fetch failed');
    held.results.get(1)?.completeExceptionally(error);
    await expect(read).rejects.toMatchObject({ message: 'fetch failed', cause: error });
  });

  test('ALR-11 a result after the timeout is ignored', async () => {
    const { held, read } = await timedOut((_input, result) => result.complete(['fallback']));
    held.results.get(1)?.complete(['late']);
    expect(await read).toEqual({ all: ['fallback'], error: undefined });
    await settled();
  });

  test('ALR-12 an error after the timeout is ignored', async () => {
    const { held, read } = await timedOut((_input, result) => result.complete(['fallback']));
    held.results.get(1)?.completeExceptionally(new Error('late'));
    expect(await read).toEqual({ all: ['fallback'], error: undefined });
    await settled();
  });

  test('ALR-15 ordered: records that time out get the fallback of their hook in order; an empty fallback gives no result', async () => {
    const clock = virtualClock();
    const held = new Held<string>((input, result) => result.complete(input === 5 ? [] : [`${input},Timeout_${input}`]));
    const read = collect(orderedWait([1, 3, 5], held, { timeout: 10, clock }));
    await clock.advance(11);
    expect(await read).toEqual(['1,Timeout_1', '3,Timeout_3']);
    expect(held.timedOut).toEqual([1, 3, 5]);
  });
});
