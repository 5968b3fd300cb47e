import type { JsonObject } from '../../core/json/json.ts';
import { DurationHistogram } from './histogram.ts';

/** The longest window of a figure of `recent`, while it is read or while streams are open. */
const windowMs = 10_000;
/** The shortest window: over a shorter one, chance would change a figure more than load does. */
const leastMs = 1000;

/** Counters at one moment; they only grow. */
export interface Counted {
  readonly counts: Readonly<Record<string, number>>;
  readonly durations: DurationHistogram;
}

interface Snapshot extends Counted {
  readonly atMs: number;
}

/**
 * Rates and quantiles of the last seconds, made from snapshots of counters that exist anyway: recording costs nothing more.
 *
 *     snapshots   [ -11.2 s | -10.1 s | -9.1 s | … | -1.1 s | -0.1 s ]      at most one a second
 *                      ✗          └──────── the window ────────────── now
 *
 * The window begins at the first snapshot of the last ten seconds. If none of these is a second old, it begins at the last
 * snapshot before them: a figure covers at least one second, except in the first second of the process.
 */
export class Recent {
  readonly #read: () => Counted;
  readonly #snapshots: Snapshot[];

  /** Events before `nowMs` are in no window. */
  constructor(nowMs: number, read: () => Counted) {
    this.#read = read;
    this.#snapshots = [snapshot(nowMs, read())];
  }

  /** Takes a snapshot, unless the last one is younger than a second. */
  take(nowMs: number): void {
    const last = this.#snapshots.at(-1);
    if (last === undefined || nowMs - last.atMs >= leastMs) this.#snapshots.push(snapshot(nowMs, this.#read()));
    this.#forget(nowMs);
  }

  /** `windowMs`, each counter as `…PerSecond`, `p50Ms` and `p99Ms` of the durations (null if there was none). */
  figures(nowMs: number): JsonObject {
    this.#forget(nowMs);
    const [from] = this.#snapshots;
    const { counts, durations } = this.#read();
    const ms = nowMs - (from?.atMs ?? nowMs);
    const perSecond = Object.entries(counts).map(([name, count]): [string, number] => {
      const change = count - (from?.counts[name] ?? 0);
      return [`${name}PerSecond`, ms > 0 ? (1000 * change) / ms : 0];
    });
    const here = from === undefined ? durations : durations.since(from.durations);
    return {
      windowMs: Math.round(ms),
      ...Object.fromEntries(perSecond),
      p50Ms: here.quantileMs(0.5) ?? null,
      p99Ms: here.quantileMs(0.99) ?? null,
    };
  }

  #forget(nowMs: number): void {
    const begins = this.#snapshots.findIndex(({ atMs }) => nowMs - atMs <= windowMs);
    const next = begins < 0 ? this.#snapshots.length : begins;
    const young = next === this.#snapshots.length || nowMs - (this.#snapshots[next]?.atMs ?? nowMs) < leastMs;
    this.#snapshots.splice(0, young ? Math.max(0, next - 1) : next);
  }
}

function snapshot(atMs: number, { counts, durations }: Counted): Snapshot {
  return { atMs, counts, durations: durations.copy() };
}
