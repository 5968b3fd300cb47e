import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';

/** One of the things that are compared. `run` does `size` units of work and resolves with its measurements. */
export interface Contender {
  readonly name: string;
  readonly run: (size: number) => Promise<Figures>;
}

/**
 * Runs the contenders in turn, A B C A B C, so that other load of the machine affects all of them. Each one is warmed up:
 * by a first run, which shows how much it does in a second, and by a run of half the time, which lets the compiler
 * finish. The measurements of these two are not used.
 */
export async function inTurn(
  bench: Bench,
  contenders: readonly Contender[],
  firstSize: number,
): Promise<ReadonlyMap<string, readonly Figures[]>> {
  const sizes = new Map<string, number>();
  for (const { name, run } of contenders) {
    const perSecond = await rate(run, firstSize);
    const warm = await rate(run, Math.max(1, Math.round((perSecond * bench.seconds) / 2)));
    sizes.set(name, Math.max(1, Math.round(warm * bench.seconds)));
  }
  const measured = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < bench.rounds; round++) {
    for (const { name, run } of contenders) {
      measured.get(name)?.push(await run(sizes.get(name) ?? firstSize));
    }
    bench.say(`  round ${round + 1} of ${bench.rounds}`);
  }
  return measured;
}

async function rate(run: Contender['run'], size: number): Promise<number> {
  const started = performance.now();
  await run(size);
  return (size * 1000) / (performance.now() - started);
}

/** One measurement of each run of a contender. */
export function runsOf(
  measured: ReadonlyMap<string, readonly Figures[]>,
  name: string,
  pick: (figures: Figures) => number,
): number[] {
  return (measured.get(name) ?? []).map(pick);
}

/** A measurement by name; NaN if it is missing, which meets no target. */
export function figure(figures: Figures, name: string): number {
  return figures[name] ?? Number.NaN;
}

export const perSecond = (figures: Figures): number =>
  (figure(figures, 'records') * 1000) / figure(figures, 'elapsedMs');
export const cpuPerRecord = (figures: Figures): number => figure(figures, 'cpuMicros') / figure(figures, 'records');
