import { describe, expect, test } from 'vitest';
import { orderedWait, unorderedWait, virtualClock, type AsyncFn, type ResultFuture } from '../../src/index.ts';
import { ascending, collect } from './stream.ts';

const inputs = [1, 2, 3, 4, 5];
const doubled = [2, 4, 6, 8, 10];

/** A function that takes `delayMs` on the virtual clock. */
function slow(clock: ReturnType<typeof virtualClock>, delayMs: (input: number) => number): AsyncFn<number, number> {
  return (input) =>
    new Promise((resolve) => {
      clock.setTimer(delayMs(input), () => resolve([input * 2]));
    });
}

async function raising(input: number): Promise<number[]> {
  throw new Error(`cannot look up ${input}`);
}

describe('PyFlink async tests', () => {
  test('PY-1 unordered: calls of two seconds with a timeout of five give every result', async () => {
    const clock = virtualClock();
    const read = collect(
      unorderedWait(
        inputs,
        slow(clock, () => 2000),
        { timeout: 5000, capacity: 2, clock },
      ),
    );
    await clock.advance(6000);
    expect(ascending(await read)).toEqual(doubled);
  });

  test('PY-2 ordered: results of calls of different length have the order of the input', async () => {
    const clock = virtualClock();
    const delays = [1900, 1100, 1500, 1000, 1700];
    const fn = slow(clock, (input) => delays[input - 1] ?? 0);
    const read = collect(orderedWait(inputs, fn, { timeout: 5000, capacity: 2, clock }));
    await clock.advance(10_000);
    expect(await read).toEqual(doubled);
  });

  test('PY-4 a result that is not a collection fails with a message that says so', async () => {
    const fn = (async (input: number) => input * 2) as unknown as AsyncFn<number, number>;
    await expect(collect(orderedWait(inputs, fn, { timeout: 0 }))).rejects.toThrow('a result is a collection');
  });

  test('PY-5 a hook that returns null fails with a message that says so', async () => {
    const clock = virtualClock();
    const fn = {
      asyncInvoke() {},
      timeout: (_input: number, result: ResultFuture<number>) => result.complete(null as unknown as number[]),
    };
    const read = collect(orderedWait(inputs, fn, { timeout: 1000, clock }));
    await Promise.all([
      expect(read).rejects.toMatchObject({
        code: 'invalid_result',
        message: expect.stringContaining('null') as string,
      }),
      clock.advance(1000),
    ]);
  });

  test('PY-6 an error of the function is thrown with its message', async () => {
    await expect(collect(orderedWait(inputs, raising, { timeout: 0 }))).rejects.toThrow('cannot look up 1');
  });

  test('PY-7 an error of the hook is thrown with its message', async () => {
    const clock = virtualClock();
    const fn = {
      asyncInvoke() {},
      timeout(): void {
        throw new Error('no fallback');
      },
    };
    const read = collect(orderedWait<number, number>(inputs, fn, { timeout: 1000, clock }));
    await Promise.all([expect(read).rejects.toThrow('no fallback'), clock.advance(1000)]);
  });

  test('PY-8 every call that takes longer than the timeout has the value of the hook as its result', async () => {
    const clock = virtualClock();
    const aborted: number[] = [];
    const fn = {
      asyncInvoke(input: number, result: ResultFuture<number>, { signal }: { signal: AbortSignal }) {
        signal.addEventListener('abort', () => aborted.push(input));
        clock.setTimer(10_000, () => result.complete([input * 2]));
      },
      timeout: (input: number, result: ResultFuture<number>) => result.complete([input - input]),
    };
    const read = collect(unorderedWait(inputs, fn, { timeout: 1000, clock }));
    await clock.advance(10_000);
    expect(await read).toEqual([0, 0, 0, 0, 0]);
    expect(aborted).toEqual(inputs);
  });
});
