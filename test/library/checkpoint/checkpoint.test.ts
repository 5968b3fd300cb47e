import { describe, expect, test } from 'vitest';
import {
  keyedWait,
  orderedWait,
  unorderedWait,
  virtualClock,
  Watermark,
  type Checkpoint,
  type WaitOptions,
} from '../../../src/index.ts';
import { Calls, collect, Fed, settled } from '../stream.ts';

async function echo(input: string): Promise<string[]> {
  return [input];
}

async function twice(input: string): Promise<string[]> {
  return [input, input];
}

function diskFull(): never {
  throw new Error('disk full');
}

function recorded(): { checkpoints: Checkpoint<string>[]; onCheckpoint: (checkpoint: Checkpoint<string>) => void } {
  const checkpoints: Checkpoint<string>[] = [];
  return { checkpoints, onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint) };
}

describe('onCheckpoint', () => {
  test('is called for every `checkpointEvery` delivered records, when the reader asks for the next result', async () => {
    const { checkpoints, onCheckpoint } = recorded();
    const options = { timeout: 0, checkpointEvery: 2, onCheckpoint };
    const worked: string[] = [];
    const seen: [worked: string, next: number | undefined][] = [];
    for await (const value of orderedWait(['a', 'b', 'c', 'd', 'e'], echo, options)) {
      seen.push([worked.join(''), checkpoints.at(-1)?.next]);
      worked.push(value);
    }
    expect(seen).toEqual([
      ['', undefined],
      ['a', undefined],
      ['ab', 2],
      ['abc', 2],
      ['abcd', 4],
    ]);
    expect(checkpoints).toEqual([
      { next: 2, pending: [] },
      { next: 4, pending: [] },
    ]);
  });

  test('by default it is called for each record, and a record with many results counts once', async () => {
    const { checkpoints, onCheckpoint } = recorded();
    expect(await collect(orderedWait(['a', 'b'], twice, { timeout: 0, onCheckpoint }))).toEqual(['a', 'a', 'b', 'b']);
    expect(checkpoints.map(({ next }) => next)).toEqual([1, 2]);
  });

  test('records without results are counted while the reader waits', async () => {
    const { checkpoints, onCheckpoint } = recorded();
    const options = { timeout: 0, capacity: 2, checkpointEvery: 3, onCheckpoint };
    await collect(orderedWait(['a', 'b', 'c', 'd', 'e', 'f', 'g'], async () => [], options));
    expect(checkpoints.map(({ next }) => next)).toEqual([3, 6]);
  });

  test('watermarks have an index in the source, and are not counted', async () => {
    const { checkpoints, onCheckpoint } = recorded();
    const source = [new Watermark(0), 'a', new Watermark(1), 'b'];
    await collect(orderedWait(source, echo, { timeout: 0, onCheckpoint }));
    expect(checkpoints.map(({ next }) => next)).toEqual([2, 4]);
  });

  test('E3 unordered: an undelivered record before a delivered one is pending', async () => {
    const { checkpoints, onCheckpoint } = recorded();
    const calls = new Calls<string>();
    const source = new Fed('a', 'b', 'c', 'd');
    const results = unorderedWait(source, calls.fn, { timeout: 0, onCheckpoint });
    const first = results.next();
    for (let turn = 0; turn < 4; turn++) await settled();
    await calls.answer('c', 'C');
    expect((await first).value).toBe('C');
    const second = results.next();
    expect(checkpoints).toEqual([
      {
        next: 3,
        pending: [
          { seq: 0, input: 'a' },
          { seq: 1, input: 'b' },
        ],
      },
    ]);
    await calls.answer('a', 'A');
    await second;
    const third = results.next();
    expect(checkpoints[1]).toEqual({ next: 3, pending: [{ seq: 1, input: 'b' }] });
    await results.return();
    await third;
  });

  test('the error that it throws at the end is thrown there', async () => {
    const results = orderedWait(['a'], echo, { timeout: 0, onCheckpoint: diskFull });
    expect((await results.next()).value).toBe('a');
    await settled();
    await expect(results.next()).rejects.toThrow('disk full');
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  test('the error that it throws ends the iteration', async () => {
    const results = orderedWait(['a', 'b'], echo, { timeout: 0, onCheckpoint: diskFull });
    expect((await results.next()).value).toBe('a');
    await expect(results.next()).rejects.toThrow('disk full');
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });
});

describe('resumeFrom', () => {
  const pending = ['p', 'q', 'r', 's'].map((input, index) => ({ seq: 2 * index, input }));

  test.each([
    ['ordered', orderedWait],
    ['unordered', unorderedWait],
    ['keyed', ((source, fn, options) => keyedWait(source, fn, { ...options, key: () => 'k' })) as typeof orderedWait],
  ] as const)('E4 %s: pending inputs come first, in their order, more of them than capacity', async (_mode, wait) => {
    const called: string[] = [];
    const fn = async (input: string): Promise<string[]> => {
      called.push(input);
      await settled();
      return [input.toUpperCase()];
    };
    const { checkpoints, onCheckpoint } = recorded();
    const options: WaitOptions<string, string> = { timeout: 0, capacity: 2, onCheckpoint };
    const out = await collect(wait(['x', 'y'], fn, { ...options, resumeFrom: { next: 8, pending } }));
    expect(called).toEqual(['p', 'q', 'r', 's', 'x', 'y']);
    expect(out.toSorted()).toEqual(['P', 'Q', 'R', 'S', 'X', 'Y']);
    expect(checkpoints[0]).toEqual({ next: 8, pending: pending.slice(1) });
    expect(checkpoints.at(-1)).toEqual({ next: 10, pending: [] });
  });

  test('E4 clocks start anew', async () => {
    const clock = virtualClock(5000);
    const deadlines: number[] = [];
    const fn = async (input: string, { deadline }: { deadline: number }): Promise<string[]> => {
      deadlines.push(deadline);
      return [input];
    };
    await collect(orderedWait<string, string>([], fn, { timeout: 100, clock, resumeFrom: { next: 8, pending } }));
    expect(deadlines).toEqual([5100, 5100, 5100, 5100]);
  });

  test('the checkpoint is not changed, and its inputs are copied as all inputs are', async () => {
    const input = { n: 1 };
    const resumeFrom = { next: 1, pending: [{ seq: 0, input }] };
    const out = await collect(
      orderedWait<{ n: number }, number>([], async (record) => [(record.n += 1)], { timeout: 0, resumeFrom }),
    );
    expect([out, input.n]).toEqual([[2], 1]);
  });

  test.each([
    [{ next: -1, pending: [] }, 'resumeFrom.next is a whole number of at least 0, not -1'],
    [{ next: 2, pending: [{ seq: 2, input: 'a' }] }, 'expected a seq above -1 and below next, 2, not 2'],
    [
      {
        next: 9,
        pending: [
          { seq: 5, input: 'a' },
          { seq: 5, input: 'b' },
        ],
      },
      'above 5 and below next, 9, not 5',
    ],
  ])('a checkpoint that cannot be is refused (%#)', (resumeFrom, message) => {
    expect(() => orderedWait<string, string>([], echo, { timeout: 0, resumeFrom })).toThrow(message);
  });

  test('checkpointEvery without onCheckpoint is refused', () => {
    expect(() => orderedWait([], echo, { timeout: 0, checkpointEvery: 5 })).toThrow('needs onCheckpoint');
  });
});
