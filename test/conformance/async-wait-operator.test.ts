import { describe, expect, test } from 'vitest';
import { orderedWait, unorderedWait, virtualClock, Watermark, type ResultFuture } from '../../src/index.ts';
import { ascending, collect, collectUntilError, double, Held, Latch, settled } from './stream.ts';

const timeout = 1000;
const waits = { ordered: orderedWait, unordered: unorderedWait };

/** Completes `[x]` only after the latch is open. */
function lazy(latch: Latch, hook?: (input: number) => number[]) {
  return {
    asyncInvoke(input: number, result: ResultFuture<number>) {
      void latch.opened.then(() => result.complete([input]));
    },
    ...(hook === undefined
      ? {}
      : { timeout: (input: number, result: ResultFuture<number>) => result.complete(hook(input)) }),
  };
}

/** Record 1 at 0 ms, record 2 at 5 ms; at 11 ms, when 1 has timed out and 2 has not, the latch opens. */
async function timedOut(hook?: (input: number) => number[], onError?: (error: unknown) => number[]) {
  const clock = virtualClock();
  const latch = new Latch();
  async function* source() {
    yield 1;
    await clock.advance(5);
    yield 2;
  }
  const options = { timeout: 10, capacity: 2, clock, ...(onError === undefined ? {} : { onError }) };
  const read = collectUntilError(orderedWait(source(), lazy(latch, hook), options));
  await settled();
  await settled();
  await clock.advance(11 - clock.now());
  latch.open();
  return read;
}

function* reused() {
  const record = { value: 0 };
  for (record.value = 1; record.value <= 4; record.value++) yield record;
}

describe('AsyncWaitOperatorTest', () => {
  test('AWO-01 ordered: records and watermarks are emitted in the order of the input', async () => {
    const watermark = new Watermark(2);
    const out = await collect(orderedWait([1, 2, watermark, 3], double, { timeout, capacity: 2 }));
    expect(out).toEqual([2, 4, watermark, 6]);
  });

  test('AWO-02 unordered: a watermark stays between the records before it and after it, beyond capacity too', async () => {
    const watermark = new Watermark(2);
    const out = await collect(unorderedWait([1, 2, watermark, 3], double, { timeout, capacity: 2 }));
    expect(new Set(out.slice(0, 2))).toEqual(new Set([2, 4]));
    expect(out[2]).toBe(watermark);
    expect(out[3]).toBe(6);
  });

  const eight = [1, 2, 3, 4, 5, 6, 7, 8];
  const doubled = [2, 4, 6, 8, 10, 12, 14, 16];

  test('AWO-03 ordered: more records than capacity are emitted in exact order', async () => {
    expect(await collect(orderedWait(eight, double, { timeout, capacity: 6 }))).toEqual(doubled);
  });

  test('AWO-04 unordered: more records than capacity are all emitted', async () => {
    expect(ascending(await collect(unorderedWait(eight, double, { timeout, capacity: 6 })))).toEqual(doubled);
  });

  test('AWO-05 two operators with a step between them work together', async () => {
    const first = orderedWait([5, 6, 7, 8, 9], double, { timeout, capacity: 6 });
    async function* plusOne() {
      for await (const value of first) yield value + 1;
    }
    const out = await collect(unorderedWait(plusOne(), double, { timeout, capacity: 3 }));
    expect(ascending(out)).toEqual([22, 26, 30, 34, 38]);
  });

  test('AWO-07 an object that the source reuses has the values that it had at admission', async () => {
    const out = orderedWait(
      reused(),
      async (record) => {
        await settled();
        return [record.value * 2];
      },
      { timeout, capacity: 4 },
    );
    expect(await collect(out)).toEqual([2, 4, 6, 8]);
  });

  test('AWO-08 a timeout without a hook is an error of its record (departs: later results follow only if onError handles it)', async () => {
    const failed = await timedOut();
    expect(failed.all).toEqual([]);
    expect(failed.error).toMatchObject({ code: 'timeout' });
    const errors: unknown[] = [];
    const taken = await timedOut(undefined, (error) => {
      errors.push(error);
      return [];
    });
    expect(taken).toEqual({ all: [2], error: undefined });
    expect(errors).toMatchObject([{ code: 'timeout' }]);
  });

  test('AWO-09 the values of the timeout hook are the result; the late real one is ignored', async () => {
    expect(await timedOut((input) => [input * 3])).toEqual({ all: [3, 2], error: undefined });
  });

  test('AWO-10 after the last record no timer is left', async () => {
    const clock = virtualClock();
    expect(await collect(unorderedWait([42], double, { timeout, capacity: 1, clock }))).toEqual([84]);
    expect(clock.timers).toBe(0);
  });

  const fails = {
    asyncInvoke(_input: number, result: ResultFuture<number>) {
      result.completeExceptionally(new Error('Test exception'));
    },
  };

  test.each([
    ['AWO-12', 'ordered'],
    ['AWO-14', 'unordered'],
  ] as const)('%s %s: an error completed at once ends the iteration by being thrown', async (_id, mode) => {
    const { all, error } = await collectUntilError(waits[mode]([1], fails, { timeout, capacity: 2 }));
    expect(all).toEqual([]);
    expect(error).toMatchObject({ cause: new Error('Test exception'), input: 1, seq: 0 });
  });

  test.each([
    ['AWO-16', 'ordered'],
    ['AWO-18', 'unordered'],
  ] as const)(
    '%s %s: closing after a timeout of a call that never ends neither hangs nor throws',
    async (_id, mode) => {
      const clock = virtualClock();
      const never = { asyncInvoke() {} };
      const results = waits[mode]<number, number>([1], never, { timeout: 10, capacity: 2, clock });
      const read = results.next();
      await Promise.all([expect(read).rejects.toMatchObject({ code: 'timeout' }), clock.advance(10)]);
      expect(await results.return()).toEqual({ done: true, value: undefined });
      expect(clock.timers).toBe(0);
    },
  );

  test('AWO-21 completions after the iteration was left are ignored', async () => {
    const held = new Held<number>();
    const results = orderedWait([1, 2], held, { timeout, capacity: 5 });
    const read = results.next();
    held.results.get(2)?.complete([]);
    held.results.get(1)?.complete([]);
    await results.return();
    held.results.get(1)?.completeExceptionally(new Error('too late'));
    expect(await read).toEqual({ done: true, value: undefined });
    await settled();
  });

  const supplied = {
    asyncInvoke(input: number, result: ResultFuture<number>) {
      setImmediate(() => result.complete(() => [input * 2]));
    },
  };

  test('AWO-31 ordered: a supplier returns the values (departs: there is one thread)', async () => {
    expect(await collect(orderedWait([1, 2, 3], supplied, { timeout, capacity: 3 }))).toEqual([2, 4, 6]);
  });

  test('AWO-32 unordered: a supplier returns the values (departs: there is one thread)', async () => {
    expect(ascending(await collect(unorderedWait([1, 2, 3], supplied, { timeout, capacity: 3 })))).toEqual([2, 4, 6]);
  });

  test('AWO-35 an error of a supplier is the error of the record', async () => {
    const throwing = {
      asyncInvoke(_input: number, result: ResultFuture<number>) {
        result.complete(() => {
          throw new Error('Expected failure');
        });
      },
    };
    await expect(collect(unorderedWait([1], throwing, { timeout, capacity: 1 }))).rejects.toThrow('Expected failure');
  });
});

describe('StreamingOperatorsITCase', () => {
  test('SO-01 elements that cannot be serialised are processed, ordered and unordered', async () => {
    class NonSerializable {
      readonly value: number;
      readonly self = () => this.value;
      constructor(value: number) {
        this.value = value;
      }
    }
    const elements = Array.from({ length: 5 }, (_, value) => new NonSerializable(value));
    const fn = async (element: NonSerializable) => double(element.self());
    expect(await collect(orderedWait(elements, fn, { timeout, capacity: 2 }))).toEqual([0, 2, 4, 6, 8]);
    expect(ascending(await collect(unorderedWait(elements, fn, { timeout, capacity: 2 })))).toEqual([0, 2, 4, 6, 8]);
  });
});

describe('AsyncDataStreamITCase', () => {
  test.each(['ordered', 'unordered'] as const)(
    'ADS-01 %s: the hook wins over the call that it lets go on',
    async (mode) => {
      const clock = virtualClock();
      const latch = new Latch();
      const fn = {
        asyncInvoke(input: number, result: ResultFuture<number>) {
          void latch.opened.then(() => result.complete([input * 2]));
        },
        timeout(input: number, result: ResultFuture<number>) {
          result.complete([input * 3]);
          latch.open();
        },
      };
      const read = collect(waits[mode]([1], fn, { timeout: 1, clock }));
      await clock.advance(1);
      expect(await read).toEqual([3]);
    },
  );

  test('ADS-04 a plain function and the default capacity are enough', async () => {
    expect(await collect(orderedWait([1, 2], async (value) => [value * 2], { timeout }))).toEqual([2, 4]);
  });
});
