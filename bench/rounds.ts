import type { Bench } from './bench.ts';
import { Measured, type Figures } from './figures.ts';
import { shuffled } from './random.ts';

type Run = (size: number) => Promise<Figures>;

/** One of the things that are compared. `run` does `size` units of work and resolves with its measurements. */
export interface Contender {
  readonly name: string;
  readonly run: Run;
  /** The work of every run; without it, as much as takes the time of a measured run. */
  readonly size?: number;
  /** It takes part in the first rounds only: in this number of them. */
  readonly rounds?: number;
}

/** A contender, and the same in a second process: the ratio of the two shows how large a difference without a cause is. */
export function withControl(
  name: string,
  [first, second]: readonly [Run, Run],
  options: Pick<Contender, 'size'> = {},
): readonly [Contender, Contender] {
  return [
    { ...options, name, run: first },
    { ...options, name: Measured.again(name), run: second },
  ];
}

/**
 * Runs each contender once a round, in an order that is random in each round: other load of the machine affects all of
 * them, and none always runs after the same other one. Before, each one is warmed up.
 */
export async function inTurn(
  bench: Bench,
  contenders: readonly Contender[],
  firstSize = 1,
  seconds = bench.seconds,
): Promise<Measured> {
  const sizes = new Map<Contender, number>();
  for (const contender of contenders) sizes.set(contender, await warmedUp(contender, firstSize, seconds));
  const runs = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < bench.rounds; round++) {
    const running = contenders.filter((contender) => round < (contender.rounds ?? bench.rounds));
    for (const contender of shuffled(running, bench.random)) {
      const figures = await contender.run(sizes.get(contender) ?? firstSize);
      runs.get(contender.name)?.push(figures);
    }
    bench.say(`  round ${round + 1} of ${bench.rounds}`);
  }
  return new Measured(runs);
}

/**
 * The size of a measured run. A first run shows how much the contender does in a second; a second one, of half the time,
 * lets the compiler finish. If the size is fixed, there is one run of that size. These measurements are not used.
 */
async function warmedUp({ run, size }: Contender, firstSize: number, seconds: number): Promise<number> {
  if (size !== undefined) {
    await run(size);
    return size;
  }
  const perSecond = await rate(run, firstSize);
  const warm = await rate(run, Math.max(1, Math.round((perSecond * seconds) / 2)));
  return Math.max(1, Math.round(warm * seconds));
}

async function rate(run: Run, size: number): Promise<number> {
  const started = performance.now();
  await run(size);
  return (size * 1000) / (performance.now() - started);
}
