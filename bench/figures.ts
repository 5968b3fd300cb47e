/** The measurements of one run. */
export type Figures = Readonly<Record<string, number>>;

/** Several runs of the same thing: the median is the figure, the smallest and largest are the spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: readonly number[];
}

export function spreadOf(runs: readonly number[]): Spread {
  const sorted = [...runs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[sorted.length - 1 - middle] ?? upper;
  return { median: (upper + lower) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, runs };
}

/** Runs of two things in turn, divided pair by pair: what slows both down cancels out. */
export function ratioOf(runs: readonly number[], references: readonly number[]): Spread {
  return spreadOf(runs.map((run, round) => run / (references[round] ?? Number.NaN)));
}

/** One line of the result. `target` is a bound for the median of `value`. */
export interface Row {
  readonly what: string;
  readonly value: Spread;
  readonly unit: string;
  readonly target?: { readonly atMost?: number; readonly atLeast?: number };
  /** Of rows with the same text here, one has to meet its target. */
  readonly either?: string;
}

export type Verdict = 'met' | 'NOT met' | 'not needed';

/** The verdict on each row's target; undefined if it has none. */
export function verdicts(rows: readonly Row[]): (Verdict | undefined)[] {
  const held = new Set(rows.flatMap((row) => (row.either !== undefined && holds(row) ? [row.either] : [])));
  return rows.map((row) => {
    if (row.target === undefined) return undefined;
    if (holds(row)) return 'met';
    return row.either !== undefined && held.has(row.either) ? 'not needed' : 'NOT met';
  });
}

function holds({ value, target }: Row): boolean {
  if (target === undefined) return false;
  return value.median <= (target.atMost ?? Infinity) && value.median >= (target.atLeast ?? -Infinity);
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}
