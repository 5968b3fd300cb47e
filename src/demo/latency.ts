import type { Random } from '../core/time/time.ts';
import type { Mode } from '../core/vocabulary.ts';

/** The modes that the demo shows: its flights have no key. */
export type DemoMode = Exclude<Mode, 'keyed'>;

/**
 * How long the directory of the demo takes for an answer, and what that allows at best.
 *
 * 998 calls in 1000 take 9 to 11 ms, evenly; the other two have a Pareto tail from 20 ms on (shape 1.5, half of them
 * above 32 ms), cut off at 120 ms so that one call, should it come last, does not decide the figures of a short run.
 */
const bodyFromMs = 9;
const bodyToMs = 11;
const tailShare = 0.002;
const tailFromMs = 20;
const tailShape = 1.5;
const longestMs = 120;

/** What is to be expected of `latencies`, roughly. */
export const meanLatencyMs = (bodyFromMs + bodyToMs) / 2;

/** The same seed gives the same latencies, in milliseconds. */
export function latencies(random: Random): () => number {
  return () => {
    if (random() >= tailShare) return bodyFromMs + (bodyToMs - bodyFromMs) * random();
    return Math.min(longestMs, tailFromMs * (1 - random()) ** (-1 / tailShape));
  };
}

/** A 32-bit xorshift (Marsaglia 2003): chance that is the same in every run. `seed` is not 0. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A record asks twice at the same time, so it takes as long as the slower of two calls that follow one another. */
export function recordLatencies(calls: readonly number[]): number[] {
  const records: number[] = [];
  for (let first = 0; first + 1 < calls.length; first += 2) {
    records.push(Math.max(calls[first] ?? 0, calls[first + 1] ?? 0));
  }
  return records;
}

/** Records per second of `capacity` slots that are never empty. */
export function capacityOverLatency(records: readonly number[], capacity: number): number {
  const total = records.reduce((sum, ms) => sum + ms, 0);
  return total === 0 ? 0 : (1000 * capacity * records.length) / total;
}

/**
 * Milliseconds from the first admission to the last emission where everything but the lookups takes no time.
 * In order, a slot is free again when the record and all before it are emitted; without order, when its record is done.
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
