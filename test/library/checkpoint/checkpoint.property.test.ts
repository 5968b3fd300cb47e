import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  keyedWait,
  orderedWait,
  unorderedWait,
  Watermark,
  type Checkpoint,
  type WaitOptions,
} from '../../../src/index.ts';
import { settled } from '../stream.ts';

type Mode = 'ordered' | 'unordered' | 'keyed';

interface Item {
  readonly n: number;
  readonly key: string;
  readonly turns: number;
  readonly results: number;
}

interface Scenario {
  readonly items: readonly (Item | 'watermark')[];
  readonly capacity: number;
  readonly every: number;
  /** After how many results each run is killed; the last one is not. */
  readonly cuts: readonly number[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  items: fc
    .array(
      fc.record({
        watermark: fc.integer({ min: 0, max: 7 }),
        key: fc.constantFrom('a', 'b', 'c'),
        turns: fc.integer({ min: 0, max: 4 }),
        results: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 40 },
    )
    .map((drawn) =>
      drawn.map(({ watermark, ...item }, n) => (watermark === 0 ? ('watermark' as const) : { n, ...item })),
    ),
  capacity: fc.integer({ min: 1, max: 8 }),
  every: fc.integer({ min: 1, max: 5 }),
  cuts: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 }),
});

function waitFor(mode: Mode, source: Iterable<Item | Watermark<number>>, options: WaitOptions<Item, string>) {
  const fn = async ({ n, key, turns, results }: Item): Promise<string[]> => {
    for (let turn = 0; turn < turns; turn++) await settled();
    return Array.from({ length: results }, (_, index) => `${key} ${n}.${index}`);
  };
  if (mode === 'keyed') return keyedWait(source, fn, { ...options, key: (item) => item.key });
  return (mode === 'ordered' ? orderedWait : unorderedWait)(source, fn, options);
}

function sourceFrom(items: Scenario['items'], next: number): (Item | Watermark<number>)[] {
  return items.map((item, seq) => (item === 'watermark' ? new Watermark(seq) : item)).slice(next);
}

function say(value: string | Watermark<number>): string {
  return typeof value === 'string' ? value : `watermark ${value.value}`;
}

/** Runs, is killed, and goes on from its last checkpoint; the output after the checkpoint is lost. */
async function interrupted(mode: Mode, { items, capacity, every, cuts }: Scenario): Promise<string[]> {
  const written: string[] = [];
  let last: Checkpoint<Item> = { next: 0, pending: [] };
  for (const cut of [...cuts, Infinity]) {
    let kept = written.length;
    let delivered = 0;
    const options: WaitOptions<Item, string> = {
      timeout: 0,
      capacity,
      checkpointEvery: every,
      onCheckpoint(checkpoint) {
        // The checkpoint as a program reads it from a disk.
        last = JSON.parse(JSON.stringify(checkpoint)) as Checkpoint<Item>;
        kept = written.length;
      },
      resumeFrom: last,
    };
    for await (const value of waitFor(mode, sourceFrom(items, last.next), options)) {
      if (delivered++ >= cut) break;
      written.push(say(value));
    }
    if (delivered > cut) written.length = kept;
    else return written;
  }
  return written;
}

function expected(items: Scenario['items']): string[] {
  return items.flatMap((item, seq) =>
    item === 'watermark'
      ? [`watermark ${seq}`]
      : Array.from({ length: item.results }, (_, index) => `${item.key} ${item.n}.${index}`),
  );
}

/** The results between two watermarks, sorted; the watermarks stay where they are. */
function sortedBetweenWatermarks(lines: readonly string[]): string[] {
  const groups: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('watermark')) groups.push([line], []);
    else groups.at(-1)?.push(line);
  }
  return groups.flatMap((group) => group.toSorted());
}

const ofKey = (lines: readonly string[], key: string): string[] => lines.filter((line) => line.startsWith(`${key} `));

test('E3 E4 ordered: a run that is cut anywhere and resumed has the output of a run that was never cut', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      expect(await interrupted('ordered', drawn)).toEqual(expected(drawn.items));
    }),
  );
});

test('E3 E4 unordered: nothing is lost or repeated, and no result passes a watermark', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      const written = await interrupted('unordered', drawn);
      expect(sortedBetweenWatermarks(written)).toEqual(sortedBetweenWatermarks(expected(drawn.items)));
    }),
  );
});

test('E3 E4 keyed: nothing is lost or repeated, and each key keeps its order', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      const written = await interrupted('keyed', drawn);
      const whole = expected(drawn.items);
      expect(sortedBetweenWatermarks(written)).toEqual(sortedBetweenWatermarks(whole));
      for (const key of ['a', 'b', 'c']) expect(ofKey(written, key)).toEqual(ofKey(whole, key));
    }),
  );
});
