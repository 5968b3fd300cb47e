import type { Random } from '../core/time/time.ts';
import type { Mode } from '../core/vocabulary.ts';

/** The modes that the demo shows: its flights have no key. */
export type DemoMode = Exclude<Mode, 'keyed'>;

/**
 * The latencies of the demo's directory, and the best throughput that they allow.
 *
 * 998 of 1000 calls take 9 to 11 ms, evenly distributed. The other two have a Pareto tail from 20 ms on (shape 1.5, half
 * of them above 32 ms). It is cut at 120 ms: a longer call at the end would dominate the figures of a short run.
 */
const bodyFromMs = 9;
const bodyToMs = 11;
const tailShare = 0.002;
const tailFromMs = 20;
const tailShape = 1.5;
const longestMs = 120;

/** The approximate mean of `latencies`. */
export const meanLatencyMs = (bodyFromMs + bodyToMs) / 2;

/** The same seed gives the same latencies, in milliseconds. */
export function latencies(random: Random): () => number {
  return () => {
    if (random() >= tailShare) return bodyFromMs + (bodyToMs - bodyFromMs) * random();
    return Math.min(longestMs, tailFromMs * (1 - random()) ** (-1 / tailShape));
  };
}

/** A 32-bit xorshift (Marsaglia 2003): the same random numbers in every run. `seed` is not 0. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A record makes two calls at the same time, which are adjacent in the list. It takes as long as the slower one. */
export function recordLatencies(calls: readonly number[]): number[] {
  const records: number[] = [];
  for (let first = 0; first + 1 < calls.length; first += 2) {
    records.push(Math.max(calls[first] ?? 0, calls[first + 1] ?? 0));
  }
  return records;
}

/** Records per second if all `capacity` slots are always taken. */
export function capacityOverLatency(records: readonly number[], capacity: number): number {
  const total = records.reduce((sum, ms) => sum + ms, 0);
  return total === 0 ? 0 : (1000 * capacity * records.length) / total;
}

/**
 * Milliseconds from the first admission to the last emission if only the lookups take time. In mode ordered a slot is free
 * when its record and all records before it are emitted; in mode unordered when its record is complete.
 */
export function shortestRun(records: readonly number[], capacity: number, mode: DemoMode): number {
  const freeAt = new Float64Array(capacity);
  let end = 0;
  for (const [index, ms] of records.entries()) {
    const slot = mode === 'ordered' ? index % capacity : earliest(freeAt);
    const done = (freeAt[slot] ?? 0) + ms;
    end = Math.max(end, done);
    freeAt[slot] = mode === 'ordered' ? end : done;
  }
  return end;
}

function earliest(freeAt: Float64Array): number {
  let best = 0;
  for (let slot = 1; slot < freeAt.length; slot++) if ((freeAt[slot] ?? 0) < (freeAt[best] ?? 0)) best = slot;
  return best;
}
