import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, expect, test, vi } from 'vitest';
import {
  keyedWait,
  orderedWait,
  unorderedWait,
  virtualClock,
  Watermark,
  type AsyncContext,
  type AsyncFn,
} from '../../src/index.ts';

const options = { timeout: 0, capacity: 3 };

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A function whose calls the test answers one by one. */
class Lookup {
  readonly #open = new Map<number, { resolve: (values: string[]) => void; reject: (error: unknown) => void }>();
  readonly contexts = new Map<number, AsyncContext>();
  readonly called: number[] = [];
  readonly fn: AsyncFn<number, string> = (input, context) => {
    this.called.push(input);
    this.contexts.set(input, context);
    context.signal.addEventListener('abort', () => this.aborted.push(input));
    return new Promise((resolve, reject) => {
      this.#open.set(input, { resolve, reject });
    });
  };
  readonly aborted: number[] = [];

  answer(input: number, ...values: string[]): void {
    this.#open.get(input)?.resolve(values);
  }

  refuse(input: number, error: unknown): void {
    this.#open.get(input)?.reject(error);
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function* naturals(log: { pulled: number; returned: number }): AsyncGenerator<number> {
  try {
    for (let value = 1; ; value++) {
      log.pulled = value;
      yield value;
    }
  } finally {
    log.returned++;
  }
}

async function* generated(): AsyncGenerator<number> {
  yield* [1, 2, 3, 4];
}

async function* failing(): AsyncGenerator<number> {
  yield 1;
  throw new Error('source broke');
}

async function* stuck(): AsyncGenerator<number> {
  await new Promise(() => {});
  yield 1;
}

async function double(value: number): Promise<number[]> {
  return [value * 2];
}

async function alwaysFails(value: number): Promise<string[]> {
  throw new Error(`no ${value}`);
}

describe('sources', () => {
  const sources: [string, () => AsyncIterable<number> | Iterable<number> | ReadableStream<number>][] = [
    ['an array', () => [1, 2, 3, 4]],
    ['a set', () => new Set([1, 2, 3, 4])],
    ['an async generator', generated],
    ['a Node stream', () => Readable.from([1, 2, 3, 4])],
    ['a web stream', () => ReadableStream.from([1, 2, 3, 4])],
  ];

  test.each(sources)('%s is read to its end', async (_name, source) => {
    expect(await collect(orderedWait(source(), double, options))).toEqual([2, 4, 6, 8]);
    expect((await collect(unorderedWait(source(), double, options))).toSorted((a, b) => a - b)).toEqual([2, 4, 6, 8]);
    expect(await collect(keyedWait(source(), double, { ...options, key: () => 'one' }))).toEqual([2, 4, 6, 8]);
  });

  test('an empty source has no results', async () => {
    expect(await collect(orderedWait([], double, options))).toEqual([]);
  });

  test('nothing is read and nothing runs before the first next', async () => {
    const log = { pulled: 0, returned: 0 };
    const results = orderedWait(naturals(log), double, options);
    await settled();
    expect(log.pulled).toBe(0);
    await results.next();
    await results.return?.();
    expect(log.returned).toBe(1);
  });

  test('C4 the source is not read while no slot is free, and a result holds its slot until it is read', async () => {
    const log = { pulled: 0, returned: 0 };
    const results = orderedWait(naturals(log), double, options);
    expect(await results.next()).toEqual({ done: false, value: 2 });
    await settled();
    expect(log.pulled).toBe(4);
    await settled();
    expect(log.pulled).toBe(4);
    await results.return?.();
  });

  test('an error of the source is thrown after the results of the elements before it', async () => {
    const results = orderedWait(failing(), double, options);
    expect(await results.next()).toEqual({ done: false, value: 2 });
    await expect(results.next()).rejects.toThrow('source broke');
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });
});

describe('results', () => {
  test('a record has 0 to n values, in any collection', async () => {
    expect(
      await collect(
        orderedWait([1, 2, 3], (value) => (value === 2 ? new Set<string>() : [`${value}a`, `${value}b`]), options),
      ),
    ).toEqual(['1a', '1b', '3a', '3b']);
  });

  test('a supplier is called at completion, and the error that it throws is the error of the record', async () => {
    const supplied = {
      asyncInvoke(input: number, result: { complete(values: () => number[]): void }) {
        result.complete(() => {
          if (input === 2) throw new Error('supplier');
          return [input];
        });
      },
    };
    const results = orderedWait([1, 2], supplied, options);
    expect(await results.next()).toEqual({ done: false, value: 1 });
    await expect(results.next()).rejects.toThrow('supplier');
  });

  test('several readers may wait at the same time; each receives a value of its own', async () => {
    const lookup = new Lookup();
    const results = orderedWait([1, 2], lookup.fn, options);
    const reads = [results.next(), results.next(), results.next()];
    lookup.answer(2, 'b');
    lookup.answer(1, 'a');
    expect((await Promise.all(reads)).map((read) => read.value)).toEqual(['a', 'b', undefined]);
  });

  test('unordered delivers the first complete result first', async () => {
    const lookup = new Lookup();
    const results = unorderedWait([1, 2, 3], lookup.fn, options);
    const first = results.next();
    lookup.answer(3, 'c');
    expect((await first).value).toBe('c');
    lookup.answer(1, 'a');
    expect((await results.next()).value).toBe('a');
    await results.return?.();
  });

  test('a watermark comes out as the same object, and its type is known', async () => {
    const watermark = new Watermark(7);
    const source: (number | Watermark<number>)[] = [1, watermark, 2];
    const all = await collect(orderedWait(source, async (value) => [`${value + 1}`], options));
    expect(all).toEqual(['2', watermark, '3']);
    expect(all[1]).toBe(watermark);
    expect(watermark.value).toBe(7);
  });

  test('P3 a value that is no collection is an error that says so', async () => {
    for (const wrong of [null, undefined, 5, 'text', { value: 1 }]) {
      const fn = (async () => wrong) as unknown as AsyncFn<number, number>;
      await expect(collect(orderedWait([1], fn, options))).rejects.toMatchObject({ code: 'invalid_result' });
    }
  });
});

describe('errors', () => {
  test('an error is thrown after the results before it in order', async () => {
    const lookup = new Lookup();
    const error = new Error('broken');
    const results = orderedWait([1, 2, 3], lookup.fn, options);
    const first = results.next();
    lookup.refuse(2, error);
    lookup.answer(3, 'c');
    await settled();
    lookup.answer(1, 'a');
    expect((await first).value).toBe('a');
    await expect(results.next()).rejects.toMatchObject({ message: error.message, cause: error });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  test('after an error the running calls are aborted and the source is closed', async () => {
    const lookup = new Lookup();
    const log = { pulled: 0, returned: 0 };
    const results = unorderedWait(naturals(log), lookup.fn, options);
    const first = results.next();
    await settled();
    lookup.refuse(2, new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    await settled();
    expect(lookup.aborted).toEqual([1, 3]);
    expect(log.returned).toBe(1);
  });

  test('onError turns an error into values; an error that it throws ends the iteration', async () => {
    const results = orderedWait([1, 2, 3], alwaysFails, {
      ...options,
      onError(error, input) {
        if (input === 3) throw new Error('enough');
        return [`${input}: ${String(error)}`];
      },
    });
    expect((await results.next()).value).toBe('1: Error: no 1');
    expect((await results.next()).value).toBe('2: Error: no 2');
    await expect(results.next()).rejects.toThrow('enough');
  });

  test('an async asyncInvoke that rejects is an error of the record, not an unhandled rejection', async () => {
    const fn = {
      async asyncInvoke() {
        throw new Error('async throw');
      },
    };
    await expect(collect(orderedWait([1], fn, options))).rejects.toThrow('async throw');
  });
});

describe('leaving', () => {
  test('break aborts every running call, closes the source, and leaves no timer', async () => {
    const lookup = new Lookup();
    const log = { pulled: 0, returned: 0 };
    const clock = virtualClock();
    const results = unorderedWait(naturals(log), lookup.fn, { timeout: 100, capacity: 3, clock });
    const loop = (async () => {
      for await (const value of results) return value;
      return 'nothing';
    })();
    await settled();
    lookup.answer(2, 'b');
    expect(await loop).toBe('b');
    expect(lookup.aborted).toEqual([1, 3, 4].filter((input) => lookup.called.includes(input)));
    expect([log.returned, clock.timers]).toEqual([1, 0]);
    lookup.answer(1, 'late');
    await settled();
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  test.each([
    ['Node stream', (onClose: () => void) => new Readable({ objectMode: true, read() {} }).on('close', onClose)],
    ['web stream', (onClose: () => void) => new ReadableStream<number>({ cancel: onClose })],
  ] as const)('break destroys a %s that gives nothing', async (_name, open) => {
    const closed = vi.fn<() => void>();
    const results = orderedWait<number, number>(open(closed), async (value) => [value], options);
    const read = results.next();
    await results.return?.();
    expect(await read).toEqual({ done: true, value: undefined });
    await settled();
    expect(closed).toHaveBeenCalledOnce();
  });

  test('break does not wait for a source that is still reading', async () => {
    const results = orderedWait(stuck(), async (value) => [value], options);
    const read = results.next();
    await results.return?.();
    expect((await read).done).toBe(true);
  });

  test('the signal ends the iteration with its reason and keeps no listener', async () => {
    const lookup = new Lookup();
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const results = orderedWait([1, 2], lookup.fn, { ...options, signal: controller.signal });
    const read = results.next();
    controller.abort(new Error('shutting down'));
    await expect(read).rejects.toThrow('shutting down');
    expect(lookup.aborted).toEqual([1, 2]);
    expect(removed).toHaveBeenCalled();
    await expect(orderedWait([1], lookup.fn, { ...options, signal: controller.signal }).next()).rejects.toThrow(
      'shutting down',
    );
    expect(lookup.called).toEqual([1, 2]);
  });

  test('a finished iteration keeps no listener on the signal', async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    await collect(orderedWait([1], async (value) => [value], { ...options, signal: controller.signal }));
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  });

  test('await using leaves the iteration as well', async () => {
    const log = { pulled: 0, returned: 0 };
    {
      await using results = orderedWait(naturals(log), async (value) => [value], options);
      await results.next();
    }
    expect(log.returned).toBe(1);
  });
});

describe('context', () => {
  test('C6 a call whose record timed out has an aborted signal, and had the deadline in its context', async () => {
    const lookup = new Lookup();
    const clock = virtualClock(1000);
    const read = orderedWait([1], lookup.fn, { timeout: 50, clock }).next();
    expect(lookup.contexts.get(1)).toMatchObject({ attempt: 1, deadline: 1050 });
    await Promise.all([expect(read).rejects.toMatchObject({ code: 'timeout' }), clock.advance(50)]);
    expect(lookup.aborted).toEqual([1]);
    expect(clock.timers).toBe(0);
  });
});

describe('keyedWait', () => {
  test('a key that throws or is no string is an error of its record', async () => {
    const all = await collect(
      keyedWait([1, 2, 3], async (input) => [`${input}`], {
        ...options,
        key(input) {
          if (input === 1) throw new Error('no key');
          return input === 2 ? (2 as unknown as string) : 'k';
        },
        onError: (error) => [String(error)],
      }),
    );
    expect(all.toSorted((a, b) => a.localeCompare(b))).toEqual([
      '3',
      'Error: no key',
      'TypeError: keyedWait: the key of a record is a string, not number',
    ]);
  });
});
