/** The measurements of one run. */
export type Figures = Readonly<Record<string, number>>;

/** A measurement by name; NaN if it is missing, which meets no target. */
export function figure(figures: Figures, name: string): number {
  return figures[name] ?? Number.NaN;
}

export type Pick = (figures: Figures) => number;
export const perSecond: Pick = (figures) => (figure(figures, 'records') * 1000) / figure(figures, 'elapsedMs');
export const cpuPerRecord: Pick = (figures) => figure(figures, 'cpuMicros') / figure(figures, 'records');

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

/** A figure with its unit: `×` for a ratio. */
export interface Quantity {
  readonly value: Spread;
  readonly unit: string;
}

/** The measurements of all rounds. Two things are compared within each round: what slows both down cancels out. */
export class Measured {
  readonly #runs: ReadonlyMap<string, readonly Figures[]>;

  constructor(runs: ReadonlyMap<string, readonly Figures[]>) {
    this.#runs = runs;
  }

  /** The name of the control of a contender: the same in a second process. */
  static again(name: string): string {
    return `${name}, again`;
  }

  /** One number for each round. */
  runs(name: string, pick: Pick): readonly number[] {
    return (this.#runs.get(name) ?? []).map(pick);
  }

  spread(name: string, pick: Pick): Spread {
    return spreadOf(this.runs(name, pick));
  }

  ratio(name: string, reference: string, pick: Pick): Quantity {
    return { value: this.#compared(name, reference, pick, (a, b) => a / b), unit: '×' };
  }

  difference(name: string, reference: string, pick: Pick, unit: string): Quantity {
    return { value: this.#compared(name, reference, pick, (a, b) => a - b), unit };
  }

  /** A contender ÷ its control. */
  control(name: string, pick: Pick): Quantity {
    return this.ratio(name, Measured.again(name), pick);
  }

  #compared(name: string, reference: string, pick: Pick, compare: (a: number, b: number) => number): Spread {
    const references = this.runs(reference, pick);
    const pairs = this.runs(name, pick).slice(0, references.length);
    return spreadOf(pairs.map((run, round) => compare(run, references[round] ?? Number.NaN)));
  }
}

/** One line of the result. `target` is a bound for the median of `value`. */
export interface Row extends Quantity {
  readonly what: string;
  readonly target?: { readonly atMost?: number; readonly atLeast?: number };
  /** The same measurement of a thing and itself: a distance of the figure from 1, or from 0, that is not larger is noise. */
  readonly control?: Quantity;
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
