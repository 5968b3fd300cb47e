import { assert, asyncProperty, array, constantFrom, integer, nat, oneof, record } from 'fast-check';
import { test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { Record } from '../../core/call/sharing.ts';
import { batching, doubled, refused } from './batched.ts';

/** A request of the test, from its beginning to its outcome. */
interface Asked {
  readonly key: string;
  readonly context: Record;
  readonly askedAt: number;
  left: boolean;
  outcome: Answer | RecordError | undefined;
}

const action = oneof(
  { arbitrary: record({ kind: constantFrom('ask' as const), key: nat(9) }), weight: 4 },
  { arbitrary: record({ kind: constantFrom('advance' as const), ms: nat(4) }), weight: 2 },
  {
    arbitrary: record({
      kind: constantFrom('settle' as const),
      how: constantFrom('answer' as const, 'answer' as const, 'fail' as const, 'refuse' as const),
      which: nat(),
    }),
    weight: 3,
  },
  { arbitrary: record({ kind: constantFrom('leave' as const), which: nat() }), weight: 1 },
);
const options = record({
  maxSize: integer({ min: 1, max: 5 }),
  linger: nat(4),
  maxInFlight: integer({ min: 1, max: 3 }),
});

function rule(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** Runs one sequence of events on a clock that stands still, and checks the rules of a batch after every event. */
class Sequence {
  readonly #options: { readonly maxSize: number; readonly linger: number; readonly maxInFlight: number };
  readonly #it: ReturnType<typeof batching>;
  readonly #asked: Asked[] = [];
  readonly #settled = new Set<number>();

  constructor(chosen: { readonly maxSize: number; readonly linger: number; readonly maxInFlight: number }) {
    this.#options = chosen;
    this.#it = batching(chosen);
    this.#it.far.reply = (keys) => {
      // A request is sent only if a caller waits for it.
      for (const key of keys)
        rule(
          this.#waiting.some((one) => one.key === key),
          'a request without a caller is sent',
        );
      return undefined;
    };
  }

  get #waiting(): readonly Asked[] {
    return this.#asked.filter(({ left, outcome }) => !left && outcome === undefined);
  }

  /** Indexes of the calls under way. */
  get #underWay(): readonly number[] {
    const all = this.#it.far.calls.map((_, index) => index);
    return all.filter((index) => !this.#settled.has(index) && !this.#it.far.call(index).context.cancelled);
  }

  ask(number: number): void {
    const context = new Record();
    const asked: Asked = {
      key: String(number),
      context,
      askedAt: this.#it.clock.now(),
      left: false,
      outcome: undefined,
    };
    this.#asked.push(asked);
    void this.#it.ask(asked.key, context).then((outcome) => (asked.outcome = outcome));
  }

  leave(which: number): void {
    const waiting = this.#waiting;
    const one = waiting[which % waiting.length];
    if (one === undefined) return;
    one.left = true;
    one.context.cancel(new RecordError('cancelled', 'left'));
  }

  settle(how: 'answer' | 'fail' | 'refuse', which: number): void {
    const underWay = this.#underWay;
    const index = underWay[which % underWay.length];
    if (index === undefined) return;
    this.#settled.add(index);
    const { keys, resolve, reject } = this.#it.far.call(index);
    if (how === 'answer') resolve(doubled(keys));
    else reject(how === 'fail' ? refused(503) : refused(400));
  }

  async advance(ms: number): Promise<void> {
    await this.#it.clock.advance(ms);
  }

  check(): void {
    const { maxSize, linger, maxInFlight } = this.#options;
    const underWay = this.#underWay;
    rule(underWay.length <= maxInFlight, 'more than maxInFlight batches are under way');
    for (const { keys } of this.#it.far.calls) {
      rule(keys.length <= maxSize, 'a batch is larger than maxSize');
      rule(new Set(keys).size === keys.length, 'a batch has equal requests');
    }
    const sent = new Set(underWay.flatMap((index) => this.#it.far.call(index).keys));
    const unsent = this.#waiting.filter(({ key }) => !sent.has(key));
    // With a place free, a request waits no longer than linger.
    if (underWay.length < maxInFlight)
      for (const { askedAt } of unsent)
        rule(this.#it.clock.now() - askedAt < Math.max(linger, 1), 'a request waits longer than linger');
  }

  /** Answers everything, and checks that each request has its outcome and that nothing is left. */
  async end(): Promise<void> {
    await this.advance(10);
    for (let underWay = this.#underWay; underWay.length > 0; underWay = this.#underWay) {
      this.settle('answer', 0);
      // oxlint-disable-next-line no-await-in-loop
      await this.advance(10);
    }
    for (const { key, context, left, outcome } of this.#asked) {
      rule(outcome !== undefined, 'a request has no outcome');
      const error = outcome instanceof RecordError ? outcome : undefined;
      if (left) rule(error?.code === 'cancelled', 'a caller that left has an answer');
      else if (error !== undefined) rule([400, 503].includes(error.details.status ?? 0), `it failed: ${error.message}`);
      else if (outcome instanceof Answer)
        rule(outcome.json === String(Number(key) * 2), 'it has the answer of another key');
      rule(context.batches === 0 && context.limitWaits === 0 && context.hooks === 0, 'a wait has not ended');
    }
    const { queued, now } = this.#it.batcher.gauges();
    rule(this.#it.clock.timers === 0, 'a timer is left');
    rule(queued === 0 && now.gathering === 0 && now.inFlight === 0, 'a gauge is not 0');
  }
}

test('whatever comes, in whatever order: each request has one outcome, its own, and the rules of a batch hold', async () => {
  await assert(
    asyncProperty(options, array(action, { maxLength: 60 }), async (chosen, actions) => {
      const sequence = new Sequence(chosen);
      for (const one of actions) {
        if (one.kind === 'ask') sequence.ask(one.key);
        else if (one.kind === 'settle') sequence.settle(one.how, one.which);
        else if (one.kind === 'leave') sequence.leave(one.which);
        // oxlint-disable-next-line no-await-in-loop
        await sequence.advance(one.kind === 'advance' ? one.ms : 0);
        sequence.check();
      }
      await sequence.end();
    }),
    { numRuns: 300 },
  );
}, 60_000);
