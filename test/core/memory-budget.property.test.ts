import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBudget, type MemoryShare } from '../../src/core/memory-budget.ts';

const chunkBytes = 4;
const recordBytes = 1;

/** A budget and streams that use it; clients, line splitter, slots and lookups are modelled by numbers. */
class World {
  readonly budget: MemoryBudget;
  readonly streams: SimStream[];
  readonly #scheduled: (() => void)[] = [];
  mostHeld = 0;

  constructor(limitBytes: number, plans: readonly Plan[]) {
    this.budget = new MemoryBudget(limitBytes, (serve) => this.#scheduled.push(serve));
    this.streams = plans.map((plan) => new SimStream(this.budget, plan));
  }

  get ended(): boolean {
    return this.streams.every(({ ended }) => ended);
  }

  /** The function that the budget has scheduled, as an event. */
  get scheduled(): (() => void)[] {
    return this.#scheduled.length > 0 ? [() => this.#scheduled.shift()?.()] : [];
  }

  /** Every event that can happen now; `lookups`: with answers. */
  possible(lookups: boolean): (() => void)[] {
    const serve = this.scheduled;
    const sends = this.streams.filter((stream) => stream.maySend).map((stream) => () => stream.send());
    const answers = this.streams.filter(({ running }) => running > 0).map((stream) => () => stream.answer());
    return [...serve, ...sends, ...(lookups ? answers : [])];
  }

  step(events: readonly (() => void)[], chance: number): void {
    events[Math.floor(chance * events.length)]?.();
    this.mostHeld = Math.max(this.mostHeld, this.budget.heldBytes);
    for (const { share } of this.streams) if (share.heldBytes < 0) throw new Error('a share holds less than nothing');
  }
}

interface Plan {
  /** Bytes of each line. */
  readonly lines: readonly number[];
  readonly capacity: number;
  /** Bytes of the answer of each record beyond those that were reserved for it. */
  readonly answerBytes: number;
}

/** The part of a stream that uses the budget. */
class SimStream {
  readonly share: MemoryShare;
  readonly #plan: Plan;
  #line = 0;
  /** Bytes received of the current line. */
  #partial = 0;
  #chunk: number | undefined;
  #lineInHand: number | undefined;
  #waiting: 'memory' | 'capacity' | undefined;
  readonly #slots: number[] = [];
  resumes = 0;
  done = 0;

  constructor(budget: MemoryBudget, plan: Plan) {
    this.#plan = plan;
    this.share = budget.open(() => this.#memoryCame());
  }

  get running(): number {
    return this.#slots.length;
  }

  get ended(): boolean {
    return this.done === this.#plan.lines.length;
  }

  get maySend(): boolean {
    return this.#waiting === undefined && this.#line < this.#plan.lines.length;
  }

  send(): void {
    const missing = (this.#plan.lines[this.#line] ?? 0) - this.#partial;
    this.#chunk = Math.min(chunkBytes, missing);
    if (this.share.mayGoOn(this.#completes)) return this.#take();
    this.#waiting = 'memory';
    this.#count();
  }

  /** Whether the line is whole with the chunk in hand. */
  get #completes(): boolean {
    return this.#partial + (this.#chunk ?? 0) >= (this.#plan.lines[this.#line] ?? 0);
  }

  answer(): void {
    const bytes = this.#slots.shift();
    if (bytes === undefined) return;
    const { answerBytes } = this.#plan;
    this.share.add(answerBytes);
    this.share.add(-bytes - answerBytes);
    this.done += 1;
    if (this.#waiting === 'capacity') this.#offer();
    if (this.ended) this.share.close();
  }

  #memoryCame(): void {
    this.resumes += 1;
    if (this.#waiting !== 'memory') throw new Error('resumed without a wait');
    this.#waiting = undefined;
    if (this.#chunk === undefined) return this.#offer();
    if (!this.share.mayGoOn(this.#completes)) throw new Error('resumed and refused');
    this.#take();
  }

  #take(): void {
    this.#partial += this.#chunk ?? 0;
    this.#chunk = undefined;
    if (this.#partial < (this.#plan.lines[this.#line] ?? 0)) return this.#count();
    this.#lineInHand = this.#partial;
    this.#partial = 0;
    this.#line += 1;
    this.#offer();
  }

  #offer(): void {
    this.#waiting = undefined;
    if (!this.share.mayGoOn(true)) this.#waiting = 'memory';
    else if (this.#slots.length >= this.#plan.capacity) this.#waiting = 'capacity';
    else {
      const bytes = (this.#lineInHand ?? 0) + recordBytes;
      this.#lineInHand = undefined;
      this.#slots.push(bytes);
      this.share.admit(bytes);
    }
    this.#count();
  }

  #count(): void {
    this.share.body(this.#partial + (this.#chunk ?? 0) + (this.#lineInHand ?? 0), false);
  }
}

const plans = fc.array(
  fc.record({
    lines: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
    capacity: fc.integer({ min: 1, max: 4 }),
    answerBytes: fc.integer({ min: 0, max: 10 }),
  }),
  { minLength: 1, maxLength: 12 },
);

const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }));

describe('with any limit, even none at all, and any order of events', () => {
  test('every stream ends, and then nothing is held', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), plans, chances, (limitBytes, all, random) => {
        const world = new World(limitBytes, all);
        for (const chance of random) {
          const events = world.possible(true);
          if (events.length === 0) break;
          world.step(events, chance);
        }
        expect(world.streams.map(({ ended }) => ended)).not.toContain(false);
        expect(world.budget.heldBytes).toBe(0);
        expect(world.budget.waiting).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('every stream ends even if lookups answer only when no other event is possible', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), plans, chances, (limitBytes, all, random) => {
        const world = new World(limitBytes, all);
        for (const chance of random) {
          const events = world.possible(false);
          const answers = events.length > 0 ? events : world.possible(true);
          if (answers.length === 0) break;
          world.step(answers, chance);
        }
        expect(world.ended).toBe(true);
        expect(world.budget.heldBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('the bytes held are at most the limit, the bytes that each stream has in hand, and two records', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), plans, chances, (limitBytes, all, random) => {
        const withoutSurprise = all.map((plan) => ({ ...plan, answerBytes: 0 }));
        const world = new World(limitBytes, withoutSurprise);
        for (const chance of random) {
          const events = world.possible(true);
          if (events.length === 0) break;
          world.step(events, chance);
        }
        const longest = Math.max(...all.flatMap(({ lines }) => lines));
        const inHand = all.length * (chunkBytes + recordBytes);
        expect(world.mostHeld).toBeLessThanOrEqual(limitBytes + inHand + 2 * (longest + recordBytes));
      }),
      { numRuns: 100 },
    );
  });

  test('a stream that is closed while it waits, or while it has the turn, holds nothing and keeps no turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), plans, chances, (limitBytes, all, random) => {
        const world = new World(limitBytes, all);
        let events = 0;
        for (const chance of random) {
          const possible = world.possible(true);
          if (possible.length === 0) break;
          events += 1;
          const leaving = events % 7 === 0 ? world.streams.find(({ ended }) => !ended) : undefined;
          if (leaving === undefined) world.step(possible, chance);
          else {
            leaving.share.close();
            world.streams.splice(world.streams.indexOf(leaving), 1);
          }
        }
        expect(world.ended).toBe(true);
        expect(world.budget.heldBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

test('parts of lines that fill the memory still become whole lines', () => {
  const world = new World(
    100,
    Array.from({ length: 50 }, () => ({ lines: [40, 40], capacity: 100, answerBytes: 0 })),
  );
  // Every stream has a part of a line, and no stream has a line.
  for (const stream of world.streams) stream.send();
  while (world.streams.some(({ maySend }) => maySend)) {
    for (const stream of world.streams.filter(({ maySend }) => maySend)) stream.send();
  }
  expect(world.streams.map(({ running }) => running)).not.toContain(1);
  expect(world.budget.waiting).toBe(50);
  for (let events = world.possible(true); events.length > 0; events = world.possible(true)) world.step(events, 0);
  expect(world.ended).toBe(true);
});

test('clients that send a part of a line and stop delay no stream that has whole lines', () => {
  const silent = Array.from({ length: 50 }, () => ({ lines: [40], capacity: 100, answerBytes: 0 }));
  const whole = { lines: Array.from({ length: 20 }, () => chunkBytes), capacity: 100, answerBytes: 5 };
  const world = new World(100, [...silent, whole, whole]);
  // Each of the first 50 sends as much of its line as it may, but not all of it, and then nothing.
  for (let round = 0; round < 9; round++) {
    for (const stream of world.streams.slice(0, 50)) if (stream.maySend) stream.send();
  }
  expect(world.budget.waiting).toBeGreaterThan(40);
  const others = world.streams.slice(50);
  while (others.some(({ ended }) => !ended)) {
    const sends = others.filter((stream) => stream.maySend).map((stream) => () => stream.send());
    const answers = others.filter(({ running }) => running > 0).map((stream) => () => stream.answer());
    const events = [...world.scheduled, ...sends, ...answers];
    expect(events.length).toBeGreaterThan(0);
    world.step(events, 0);
  }
  expect(others.map(({ done }) => done)).toEqual([20, 20]);
});

test('streams take turns: when the first is done, every other one has done at least half', () => {
  const lines = Array.from({ length: 40 }, () => 20);
  const world = new World(
    70,
    Array.from({ length: 10 }, () => ({ lines, capacity: 100, answerBytes: 0 })),
  );
  let chance = 0;
  while (!world.streams.some(({ ended }) => ended)) {
    chance = (chance + 0.618) % 1;
    world.step(world.possible(true), chance);
  }
  expect(Math.min(...world.streams.map(({ done }) => done))).toBeGreaterThanOrEqual(20);
});
