import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench } from '../../bench/bench.ts';
import { figure, Measured, type Pick } from '../../bench/figures.ts';
import { seeded, shuffled } from '../../bench/random.ts';
import { inTurn, withControl, type Contender } from '../../bench/rounds.ts';

const letters = ['A', 'B', 'C'].map((name) => ({ name }));
const order = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join('');

function orders(seed: number): string[] {
  const random = seeded(seed);
  return Array.from({ length: 20 }, () => order(shuffled(letters, random)));
}

/** Contenders that only record their names, after the warm-up of one run each. */
function recorded(options: readonly Partial<Contender>[]): { runs: string[]; contenders: Contender[] } {
  const runs: string[] = [];
  const contenders = options.map((option, at) => {
    const name = letters[at]?.name ?? '';
    return {
      size: 1,
      ...option,
      name,
      run: async (size: number) => {
        runs.push(name);
        return { size, n: runs.length };
      },
    };
  });
  return { runs, contenders };
}

const n: Pick = (figures) => figure(figures, 'n');

describe('shuffled', () => {
  test('every order of three occurs, about equally often', () => {
    const random = seeded(1);
    const counts = new Map<string, number>();
    for (let time = 0; time < 6000; time++) {
      const mixed = order(shuffled(letters, random));
      counts.set(mixed, (counts.get(mixed) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA']);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test('the same seed gives the same orders', () => {
    expect(orders(7)).toEqual(orders(7));
    expect(orders(7)).not.toEqual(orders(8));
  });
});

describe('inTurn', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(true, 3);
    bench.say = () => {};
  });
  afterEach(() => bench.dispose());

  test('each contender runs once a round, after one run that is not counted', async () => {
    const { runs, contenders } = recorded([{}, {}, {}]);
    const measured = await inTurn(bench, contenders);
    expect(runs).toHaveLength(3 + 3 * bench.rounds);
    expect(order(runs.slice(0, 3).map((name) => ({ name })))).toBe('ABC');
    for (let round = 0; round < bench.rounds; round++) {
      const inRound = runs.slice(3 + 3 * round, 6 + 3 * round);
      expect(inRound.sort()).toEqual(['A', 'B', 'C']);
    }
    expect(measured.runs('A', n).every((at) => at > letters.length)).toBe(true);
  });

  test('a contender of fewer rounds is compared with the rounds that it took part in', async () => {
    const { contenders } = recorded([{ rounds: 1 }, {}]);
    const measured = await inTurn(bench, contenders);
    expect(measured.runs('A', () => 1)).toHaveLength(1);
    expect(measured.runs('B', () => 1)).toHaveLength(bench.rounds);
    expect(measured.ratio('A', 'B', () => 1).value.runs).toEqual([1]);
    expect(measured.ratio('B', 'A', () => 1).value.runs).toEqual([1]);
  });

  test('without a fixed size, two runs that are not counted decide the size', async () => {
    const sizes: number[] = [];
    const run = async (size: number) => {
      sizes.push(size);
      return {};
    };
    await inTurn(bench, [{ name: 'A', run }], 5);
    expect(sizes[0]).toBe(5);
    expect(sizes).toHaveLength(2 + bench.rounds);
    expect(new Set(sizes.slice(2)).size).toBe(1);
  });
});

test('the control of a contender is its second process', async () => {
  const [own, control] = withControl('A', [async () => ({ n: 6 }), async () => ({ n: 4 })], { size: 1 });
  const measured = new Measured(
    new Map([
      [own.name, [await own.run(1)]],
      [control.name, [await control.run(1)]],
      ['B', [{ n: 3 }]],
    ]),
  );
  expect(measured.control('A', n)).toMatchObject({ value: { median: 1.5 }, unit: '×' });
  expect(measured.ratio('A', 'B', n)).toMatchObject({ value: { median: 2 }, unit: '×' });
  expect(measured.difference('A', 'B', n, 'ms')).toMatchObject({ value: { median: 3 }, unit: 'ms' });
});
