import { seeded } from './random.ts';

/** The earliest time at which the last of these calls can be answered, in the unit of `latencies`. */

/**
 * In order: call n starts when the result of call n - capacity has left, and a result leaves when it is complete and all
 * results before it have left.
 *
 *     left(n) = max(left(n-1), left(n-capacity) + latency(n))
 */
export function orderedOptimum(latencies: ArrayLike<number>, capacity: number): number {
  const left = new Float64Array(latencies.length);
  let last = 0;
  for (let n = 0; n < latencies.length; n++) {
    const start = n < capacity ? 0 : (left[n - capacity] ?? 0);
    last = Math.max(last, start + (latencies[n] ?? 0));
    left[n] = last;
  }
  return last;
}

/** In any order: each call takes the one of `capacity` slots that is free first. */
export function unorderedOptimum(latencies: ArrayLike<number>, capacity: number): number {
  const free = new Float64Array(Math.min(capacity, latencies.length));
  for (let n = 0; n < latencies.length; n++) {
    const until = (free[0] ?? 0) + (latencies[n] ?? 0);
    sink(free, until);
  }
  return free.reduce((a, b) => Math.max(a, b), 0);
}

/** Replaces the smallest element of a binary heap. */
function sink(heap: Float64Array, value: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
    const least = heap[child] ?? 0;
    if (least >= value) break;
    heap[at] = least;
    at = child;
  }
  heap[at] = value;
}

/** Most calls take 5 to 10 ms, one in twenty has a Pareto tail (alpha 1.5) from 10 to 250 ms; microseconds. */
export function heavyTailMicros(count: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const tail = random() < 0.05;
    const chance = random();
    return Math.round(tail ? Math.min(250_000, 10_000 * (1 - chance) ** (-1 / 1.5)) : 5000 + 5000 * chance);
  });
}
