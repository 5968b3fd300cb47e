import { expect, test } from 'vitest';
import type { CallContext } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { exponentialBackoff } from '../../../src/core/time/backoff.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { argumentsKey } from '../../../src/lookup/arguments-key.ts';
import { LookupCache } from '../../../src/lookup/cache/cache.ts';
import { cacheOptions } from '../../../src/lookup/cache/cache-options.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import { Answer, type Arguments, type LookupLayer, stack } from '../../../src/lookup/lookup.ts';
import { plainRules, retry } from '../../../src/lookup/retry/retry.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { SeededRandom } from '../../simulation/random.ts';

const attemptMs = 50;
const failure = new RecordError('unreachable', 'refused');
const backoff = exponentialBackoff({ initialMs: 5, maxMs: 20, multiplier: 2 });

/** A record that waits for its answer. */
interface Waiting {
  readonly key: number;
  readonly context: Cancellation;
  ends: number;
}

/** The far end: it answers late, fails, throws, answers at once or never, as the seed decides. */
class FarEnd {
  readonly underWay = new Map<number, Set<CallContext>>();
  calls = 0;
  /** By key, the answers that were given: when, and which. */
  readonly given = new Map<number, Map<string, number>>();
  readonly #random: SeededRandom;
  readonly #clock: ReturnType<typeof virtualClock>;

  constructor(random: SeededRandom, clock: ReturnType<typeof virtualClock>) {
    this.#random = random;
    this.#clock = clock;
  }

  readonly call = ({ key }: Arguments, context: CallContext): Answer | Promise<Answer> => {
    this.calls++;
    context.callBegins();
    const number = Number(key);
    const kind = this.#random.next();
    if (kind < 0.03) throw failure;
    if (kind < 0.06) return this.#answer(number);
    const open = this.underWay.get(number) ?? new Set();
    this.underWay.set(number, open.add(context));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!open.delete(context)) return;
        stop();
        settle();
      };
      const hangs = this.#random.chance(0.05);
      const ms = hangs ? 1e6 : this.#random.between(1, 60);
      const stop = this.#clock.setTimer(ms, () =>
        end(() => (this.#random.chance(0.2) ? reject(failure) : resolve(this.#answer(number)))),
      );
      context.onCancel((reason) => end(() => reject(reason)));
    });
  };

  get open(): number {
    let open = 0;
    for (const calls of this.underWay.values()) open += calls.size;
    return open;
  }

  #answer(key: number): Answer {
    if (this.#random.chance(0.1)) return new Answer(undefined);
    const json = `"${key}:${this.calls}${'x'.repeat(this.#random.between(0, 200))}"`;
    const given = this.given.get(key) ?? new Map<string, number>();
    this.given.set(key, given.set(json, this.#clock.now()));
    return new Answer(json);
  }
}

/** One world: thousands of records with a few keys through cache, coalesce, retry and timeout, to a far end with faults. */
async function round(seed: number, records: number, defect?: LookupLayer): Promise<void> {
  const random = new SeededRandom(seed);
  const clock = virtualClock();
  const pick = (...durations: [number, ...number[]]): number => random.pick(durations);
  const ms = { ttl: pick(20, 100, 1000), stale: pick(0, 50), spare: pick(0, 200) };
  const options = cacheOptions.parse({
    maxEntries: pick(1, 5, 100),
    maxBytes: pick(1024, 4096, 65_536),
    ttl: `${ms.ttl}ms`,
    negativeTtl: `${pick(0, 30)}ms`,
    refreshAhead: `${pick(0, 10)}ms`,
    staleWhileRevalidate: `${ms.stale}ms`,
    staleIfError: `${ms.spare}ms`,
  });
  const far = new FarEnd(random, clock);
  const cache = new LookupCache(options, clock, random.chance(0.5));
  const coalesce = new Coalesce<Arguments, Answer>(argumentsKey, () => random.next());
  const rules = {
    ...plainRules,
    canRetry: (attempt: number) => attempt < 3,
    onResult: () => false,
    onError: () => true,
    delayMs: (attempt: number) => backoff.delayMs(attempt),
  };
  const service = stack(
    far.call,
    cache.layer,
    defect ?? coalesce.layer,
    retry<Arguments, Answer>(rules, { clock }),
    timeout<Arguments, Answer>({ timeoutMs: attemptMs, clock }),
  );
  const waiting = new Set<Waiting>();
  const broken: string[] = [];
  const expectThat = (holds: boolean, rule: string): void => {
    if (!holds) broken.push(`seed ${seed}, ${clock.now()} ms: ${rule}`);
  };

  const checkAnswer = (record: Waiting, { json, source }: Answer): void => {
    if (json === undefined) return;
    const at = far.given.get(record.key)?.get(json);
    if (at === undefined) return expectThat(false, `a record with key ${record.key} got ${json}`);
    const age = clock.now() - at;
    if (source === 'call') expectThat(age === 0, `an answer came ${age} ms after its call had ended`);
    if (source === 'cache') expectThat(age < ms.ttl, `an answer of ${age} ms was used as if it were fresh`);
    if (source === 'stale') {
      const oldest = ms.ttl + Math.max(ms.stale, ms.spare);
      expectThat(age >= ms.ttl && age < oldest, `an answer of ${age} ms was used as old`);
    }
  };
  const settled = (record: Waiting, outcome: unknown): void => {
    expectThat(++record.ends === 1, 'a record was settled twice');
    waiting.delete(record);
    if (record.context.cancelled)
      return expectThat(outcome === record.context.reason, 'a record that left got another reason');
    if (outcome instanceof Answer) checkAnswer(record, outcome);
    else expectThat(outcome instanceof RecordError, `a record failed with ${String(outcome)}`);
  };
  const ask = (): void => {
    const key = Math.floor(12 * random.next() ** 2);
    const context = new Cancellation(clock.now() + random.between(5, 200));
    const record = { key, context, ends: 0 };
    waiting.add(record);
    try {
      const answer = service({ key }, context);
      if (!(answer instanceof Promise)) return settled(record, answer);
      answer.then(
        (found) => settled(record, found),
        (error: unknown) => settled(record, error),
      );
    } catch (error) {
      settled(record, error);
    }
  };
  const check = (): void => {
    for (const [key, calls] of far.underWay)
      expectThat(calls.size <= 1, `${calls.size} calls for key ${key} run at once`);
    const { entries, bytes } = cache.gauges().now;
    expectThat(entries <= options.maxEntries, `${entries} entries`);
    expectThat(bytes <= options.maxBytes, `${bytes} bytes`);
    for (const { context } of waiting) expectThat(!context.cancelled, 'a record that left still waits');
    if (broken[0] !== undefined) throw new Error(broken[0]);
  };

  for (let sent = 0; sent < records;) {
    for (let burst = random.between(0, 8); burst > 0; burst--, sent++) ask();
    for (const { context } of waiting) {
      if (context.deadline <= clock.now() || random.chance(0.01)) context.cancel(new RecordError('timeout', 'left'));
    }
    // oxlint-disable-next-line no-await-in-loop
    await clock.advance(random.between(0, 4));
    check();
  }
  for (const { context } of waiting) context.cancel(new RecordError('cancelled', 'the client has gone'));
  // What runs on ends with its own time, at the latest that of a refresh.
  await clock.advance(500);
  check();
  expect({ waiting: waiting.size, open: far.open, listed: coalesce.gauges().now.open, timers: clock.timers }).toEqual({
    waiting: 0,
    open: 0,
    listed: 0,
    timers: 0,
  });
  cache.close();
}

test('cache and coalesce hold their rules after every event, with any faults, in 200 worlds of 500 records', async () => {
  // One world after the other.
  // oxlint-disable-next-line no-await-in-loop
  for (let seed = 1; seed <= 200; seed++) await expect(round(seed, 500)).resolves.toBeUndefined();
});

test.each<[string, string, LookupLayer]>([
  ['equal requests have calls of their own', 'run at once', (inner) => inner],
  [
    'requests with other keys share a call',
    'a record with key',
    new Coalesce<Arguments, Answer>(
      ({ key }) => String(Number(key) >> 1),
      () => 0.5,
    ).layer,
  ],
])('a defect is found within 20 worlds: %s', async (_, rule, defect) => {
  const worlds = Array.from({ length: 20 }, (_world, seed) => round(seed, 500, defect));
  await expect(Promise.all(worlds)).rejects.toThrow(rule);
});
