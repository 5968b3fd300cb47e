import { seeded } from '../random.ts';

/** What the far end is like for a time. */
export interface Phase {
  readonly name: string;
  readonly ms: number;
  /** Calls that it works on at the same time. */
  readonly workers: number;
  /** Mean milliseconds of work for one call. */
  readonly workMs: number;
  /** Calls that wait in its queue; it refuses any further call. */
  readonly queue: number;
  /** The share of calls that fail within 2 ms, whatever the load. */
  readonly failing: number;
  /** The share of calls that take 20 times as long. */
  readonly slow: number;
}

/** A limit of calls that run at the same time, which learns from how they end. */
export interface Limiter {
  readonly limit: number;
  began?(running: number, nowMs: number): void;
  ended(end: 'answered' | 'failed', startedMs: number, nowMs: number, running: number): void;
}

interface PhaseResult {
  readonly perSecond: number;
  readonly meanMs: number;
}

interface Event {
  readonly atMs: number;
  readonly kind: 'arrives' | 'worked' | 'answered' | 'failed';
  readonly startedMs: number;
}

/** Each way. */
const networkMs = 0.5;
/** Each worker's worth of waiting calls makes the work of all calls longer by this part. */
const contention = 0.3;

/** Events, the earliest first. */
class Agenda {
  readonly #heap: Event[] = [];

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  push(event: Event): void {
    const heap = this.#heap;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.atMs <= event.atMs) break;
      heap[place] = above;
      heap[parent] = event;
      place = parent;
    }
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && right.atMs < left.atMs) child++;
      const lower = heap[child];
      if (lower === undefined || lower.atMs >= last.atMs) break;
      heap[place] = lower;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

/**
 * Calls a far end as often as the limit allows, phase after phase, on a clock of its own: the same seed gives the same
 * result.
 *
 *     limit ── 0.5 ms ──▶ queue ──▶ workers ── 0.5 ms ──▶ answer
 *                           └ full: refused after 5 ms, which costs the workers a 50th of a call
 */
export function throughput(phases: readonly Phase[], limiter: Limiter, seed: number): readonly PhaseResult[] {
  const random = seeded(seed);
  const agenda = new Agenda();
  let [now, running, busy, debtMs, phaseEnds] = [0, 0, 0, 0, 0];
  const queue: Event[] = [];

  const begin = (): void => {
    while (running < limiter.limit) {
      running++;
      limiter.began?.(running, now);
      agenda.push({ atMs: now + networkMs, kind: 'arrives', startedMs: now });
    }
  };
  const fail = ({ startedMs }: Event, afterMs: number): void =>
    agenda.push({ atMs: now + afterMs + networkMs, kind: 'failed', startedMs });
  const work = ({ startedMs }: Event, { workers, workMs, slow }: Phase): void => {
    busy++;
    const overload = Math.max(0, busy + queue.length - workers) / workers;
    const times = (0.6 - 0.4 * Math.log(1 - random())) * (1 + contention * overload);
    const ms = (random() < slow ? 20 : 1) * workMs * times + debtMs;
    debtMs = 0;
    agenda.push({ atMs: now + ms, kind: 'worked', startedMs });
  };
  const arrive = (call: Event, phase: Phase): void => {
    if (random() < phase.failing) return fail(call, 2);
    if (busy < phase.workers) return work(call, phase);
    if (queue.length < phase.queue) return void queue.push(call);
    debtMs += phase.workMs / 50;
    fail(call, 5);
  };
  return phases.map((phase) => {
    phaseEnds += phase.ms;
    let [answers, sumMs] = [0, 0];
    begin();
    while (agenda.nextMs <= phaseEnds) {
      const event = agenda.pop();
      if (event === undefined) break;
      now = event.atMs;
      if (event.kind === 'arrives') arrive(event, phase);
      else if (event.kind === 'worked') {
        busy--;
        agenda.push({ atMs: now + networkMs, kind: 'answered', startedMs: event.startedMs });
        while (busy < phase.workers) {
          const next = queue.shift();
          if (next === undefined) break;
          work(next, phase);
        }
      } else {
        running--;
        if (event.kind === 'answered') {
          answers++;
          sumMs += now - event.startedMs;
        }
        limiter.ended(event.kind, event.startedMs, now, running + 1);
        begin();
      }
    }
    now = phaseEnds;
    return { perSecond: (answers / phase.ms) * 1000, meanMs: sumMs / Math.max(1, answers) };
  });
}

const healthy: Phase = {
  name: 'healthy',
  ms: 8000,
  workers: 32,
  workMs: 10,
  queue: 1000,
  failing: 0,
  slow: 0,
};

/** A far end that degrades and recovers, and one whose best limit moves. */
export const script: readonly Phase[] = [
  healthy,
  { ...healthy, name: 'latency × 10', workMs: 100 },
  { ...healthy, name: 'half of the calls fail', workMs: 100, failing: 0.5 },
  { ...healthy, name: 'overloaded: 8 workers, further calls are refused', workers: 8, queue: 8 },
  { ...healthy, name: 'recovery' },
  { ...healthy, name: '128 workers', workers: 128 },
  { ...healthy, name: '8 workers', workers: 8, ms: 20_000 },
  { ...healthy, name: '2 % of the calls are 20 times as slow', slow: 0.02 },
];

/** The limits that are tried for the best fixed one. */
const fixedLimits: readonly number[] = [8, 10, 12, 32, 36, 40, 128, 140, 160];

/** By phase, the best result of any fixed limit, and that limit. */
export function bestFixed(seed: number): readonly (PhaseResult & { readonly limit: number })[] {
  const runs = fixedLimits.map((limit) => ({ limit, results: throughput(script, { limit, ended() {} }, seed) }));
  return script.map((_, place) =>
    runs
      .map(({ limit, results }) => ({ limit, ...(results[place] ?? { perSecond: 0, meanMs: 0 }) }))
      .reduce((best, one) => (one.perSecond > best.perSecond ? one : best)),
  );
}
