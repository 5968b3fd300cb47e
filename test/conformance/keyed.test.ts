import { describe, expect, test } from 'vitest';
import { keyedWait, virtualClock, Watermark, type ResultFuture } from '../../src/index.ts';
import { ascending, collect, collectUntilError, Held, Latch, settled } from './stream.ts';

interface Keyed {
  readonly key: string;
  readonly at: number;
}

const key = (record: Keyed) => record.key;
const at = (name: number, time: number): Keyed => ({ key: `${name}`, at: time });

/** Later records are answered faster, so that only the rules of the queue keep them in order. */
async function reversing(record: Keyed): Promise<string[]> {
  for (let turn = 20 - record.at; turn > 0; turn--) await settled();
  return [`${record.key}@${record.at}`];
}

function say(items: readonly (string | Watermark)[]): string[] {
  return items.map((item) => (typeof item === 'string' ? item : `WM${String(item.value)}`));
}

async function timedOut(hook?: (input: number, result: ResultFuture<number>) => void) {
  const clock = virtualClock();
  const latch = new Latch();
  async function* source() {
    yield 1;
    await clock.advance(5);
    yield 2;
  }
  const fn = {
    asyncInvoke(input: number, result: ResultFuture<number>) {
      void latch.opened.then(() => result.complete([input]));
    },
    ...(hook === undefined ? {} : { timeout: hook }),
  };
  const errors: unknown[] = [];
  const onError = (error: unknown) => {
    errors.push(error);
    return [];
  };
  const read = collectUntilError(keyedWait(source(), fn, { timeout: 10, capacity: 10, clock, key: String, onError }));
  await settled();
  await settled();
  await clock.advance(11 - clock.now());
  latch.open();
  return { ...(await read), errors };
}

describe('KeyedAsyncWaitOperatorTest', () => {
  test('TKA-01 each key keeps its order, and each watermark its place, while keys run together', async () => {
    const input = [
      at(0, 1),
      at(1, 2),
      new Watermark(2),
      at(0, 3),
      at(4, 4),
      at(3, 5),
      new Watermark(5),
      at(2, 6),
      at(1, 7),
      at(0, 8),
      new Watermark(8),
    ];
    const out = say(await collect(keyedWait(input, reversing, { timeout: 0, capacity: 10, key })));
    expect([out[2], out[6], out[10]]).toEqual(['WM2', 'WM5', 'WM8']);
    expect(out.filter((name) => name.startsWith('0'))).toEqual(['0@1', '0@3', '0@8']);
    expect(out.filter((name) => name.startsWith('1'))).toEqual(['1@2', '1@7']);
    expect(out).toHaveLength(11);
  });

  test('TKA-02 records of one key and a watermark are emitted in the order of the input', async () => {
    const input = [at(1, 1), at(1, 2), new Watermark(2), at(1, 3)];
    const out = say(await collect(keyedWait(input, reversing, { timeout: 0, capacity: 10, key })));
    expect(out).toEqual(['1@1', '1@2', 'WM2', '1@3']);
  });

  test('TKA-05 records of different keys are all emitted', async () => {
    const input = [1, 2, 3, 4, 5, 6, 7, 8];
    const out = keyedWait(input, async (value) => [value * 2], { timeout: 0, capacity: 10, key: String });
    expect(ascending(await collect(out))).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
  });

  test('TKA-07 a timeout is an error of its record only (departs: onError handles it; in Flink the job fails)', async () => {
    expect(await timedOut()).toMatchObject({ all: [2], errors: [{ code: 'timeout' }] });
  });

  test('TKA-08 the values of the timeout hook are the result', async () => {
    expect(await timedOut((input, result) => result.complete([input * 3]))).toMatchObject({ all: [3, 2], errors: [] });
  });
});

describe('AsyncExecutionController of the keyed operator', () => {
  test('AEC-01 of each key only the oldest record runs; all records hold a slot', async () => {
    const held = new Held<number>();
    let pulled = 0;
    function* source() {
      for (const value of [1, 2, 2.5, 3, 3.5, 4, 5]) {
        pulled++;
        yield value;
      }
    }
    const results = keyedWait(source(), held, { timeout: 0, capacity: 6, key: (value) => `${Math.floor(value)}` });
    const read = results.next();
    expect([...held.results.keys()]).toEqual([1, 2, 3, 4]);
    expect(pulled).toBe(6);
    held.results.get(2)?.complete([2]);
    expect([...held.results.keys()]).toEqual([1, 2, 3, 4, 2.5]);
    expect((await read).value).toBe(2);
    await results.return();
  });

  test('AEC-02 different keys without watermark are all processed', async () => {
    const input = [1, 2, 3, 4, 5, 6];
    const out = keyedWait(input, async (value) => [value], { timeout: 0, capacity: 10, key: String });
    expect(ascending(await collect(out))).toEqual(input);
  });

  test('AEC-03 different keys with watermarks: all are emitted, with the watermarks in order between them', async () => {
    const input = [1, 2, new Watermark(3), 3, 4, new Watermark(6), 5, 6];
    const out = await collect(keyedWait(input, async (value) => [value], { timeout: 0, capacity: 10, key: String }));
    expect([out[2], out[5]]).toEqual([input[2], input[5]]);
    expect(ascending(out.filter((item) => typeof item === 'number'))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('AEC-04 records of the same key and watermarks are emitted in the order of the input', async () => {
    const input = [
      at(1, 1),
      at(1, 2),
      at(1, 3),
      at(1, 4),
      new Watermark(5),
      new Watermark(6),
      at(1, 7),
      at(1, 8),
      new Watermark(9),
    ];
    const out = say(await collect(keyedWait(input, reversing, { timeout: 0, capacity: 10, key })));
    expect(out).toEqual(['1@1', '1@2', '1@3', '1@4', 'WM5', 'WM6', '1@7', '1@8', 'WM9']);
  });
});
