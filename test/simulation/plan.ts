import { SeededRandom } from './random.ts';

export type Mode = 'ordered' | 'unordered' | 'keyed';
type Level = 'operator' | 'library';
export const modes: readonly [Mode, ...Mode[]] = ['ordered', 'unordered', 'keyed'];

export interface RetryPlan {
  readonly kind: 'fixed' | 'exponential' | 'jitter';
  readonly retries: number;
  readonly initialMs: number;
  readonly multiplier: number;
  readonly maxMs: number;
}

/** How a round ends: everything is emitted; it is aborted; or it is cut, and resumed from its last checkpoint. */
type Ending = 'end' | 'abort' | 'resume';

/** Everything that the seed decides before a round starts. Rates are probabilities from 0 to 1. */
export interface Plan {
  readonly seed: number;
  readonly level: Level;
  readonly mode: Mode;
  readonly records: number;
  readonly capacity: number;
  /** 0 = none. */
  readonly timeoutMs: number;
  /** The timeout layer below the retry layer; 0 = none. */
  readonly attemptTimeoutMs: number;
  readonly retry: RetryPlan | undefined;
  readonly style: 'callback' | 'async';
  readonly hook: boolean;
  readonly cutWaits: boolean;
  readonly ending: Ending;
  /** The step of time in milliseconds: 0.25 detects code that expects whole milliseconds. */
  readonly stepMs: number;
  readonly watermarks: number;
  readonly keys: number;
  /** The share of the records with key 0. */
  readonly hotKey: number;
  readonly usualMs: number;
  readonly tail: number;
  readonly synchronous: number;
  readonly errors: number;
  readonly throws: number;
  readonly empty: number;
  readonly invalid: number;
  readonly hangs: number;
  readonly doubles: number;
  /** The rate at which the process is blocked for a while. */
  readonly stalls: number;
  readonly slowReader: number;
  readonly readerMs: number;
  readonly arrivalMs: number;
  readonly checkpointEvery: number;
  /** The number of the call in which the stream is aborted. */
  readonly abortAtCall: number;
  /** Library: whether an error of a record ends the iteration. */
  readonly failFast: boolean;
}

/** Settings that the seed does not decide. */
export type PlanLimits = Partial<Plan>;

export function planOf(seed: number, limits: PlanLimits = {}): Plan {
  const random = new SeededRandom(seed);
  // Drawn in every case, so that a limit changes no other number.
  const drawn = { level: random.chance(0.25) ? 'library' : 'operator', mode: random.pick(modes) } as const;
  const level = limits.level ?? drawn.level;
  const mode = limits.mode ?? drawn.mode;
  const records = random.chance(0.3) ? random.between(1, 200) : 2000;
  const retried = random.chance(0.5);
  const calm = random.chance(0.2);
  const timeoutMs = retried || random.chance(0.7) ? random.pick([5, 20, 60, 250]) : 0;
  const ending = level === 'library' && random.chance(0.4) ? 'resume' : random.chance(0.8) ? 'end' : 'abort';
  const rate = (most: number): number => (calm || random.chance(0.3) ? 0 : random.next() * most);
  return {
    seed,
    level,
    mode,
    records,
    capacity: random.pick([1, 2, 3, 5, 10, 40, 100]),
    timeoutMs,
    attemptTimeoutMs: level === 'operator' && random.chance(0.3) ? random.pick([2, 5, 15, 60]) : 0,
    retry: retried ? retryOf(random) : undefined,
    style: random.pick(['callback', 'async']),
    hook: random.chance(0.6),
    cutWaits: random.chance(0.7),
    ending,
    stepMs: random.pick([1, 0.25]),
    watermarks: rate(0.2),
    keys: random.pick([1, 3, 20, 100_000]),
    hotKey: rate(0.6),
    usualMs: random.pick([1, 4, 10, 30]),
    tail: rate(0.1),
    synchronous: random.chance(0.1) ? 1 : rate(0.5),
    errors: rate(0.4),
    throws: rate(0.1),
    empty: rate(0.3),
    invalid: rate(0.05),
    hangs: timeoutMs > 0 ? rate(0.05) : 0,
    doubles: rate(0.3),
    stalls: rate(0.02),
    slowReader: rate(0.3),
    readerMs: random.pick([1, 10, 100]),
    arrivalMs: random.pick([0, 0, 1, 5]),
    checkpointEvery: random.pick([1, 5, 50]),
    abortAtCall: ending === 'abort' ? random.between(1, records) : Infinity,
    failFast: level === 'library' && ending !== 'resume' && random.chance(0.1),
    ...limits,
  };
}

function retryOf(random: SeededRandom): RetryPlan {
  const initialMs = random.pick([0, 1, 2, 10]);
  return {
    kind: random.pick(['fixed', 'exponential', 'jitter']),
    retries: random.pick([0, 1, 2, 5]),
    initialMs,
    multiplier: random.pick([1, 1.5, 2]),
    maxMs: initialMs * random.pick([1, 4, 20]),
  };
}
