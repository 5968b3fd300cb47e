import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { argumentsKey } from '../../../src/lookup/arguments-key.ts';
import { LookupCache } from '../../../src/lookup/cache/cache.ts';
import { cacheOptions } from '../../../src/lookup/cache/cache-options.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import { Answer, type Arguments, type LookupLayer, type LookupService, stack } from '../../../src/lookup/lookup.ts';
import { SeededRandom } from '../../simulation/random.ts';

const records = 1_000_000;
const keys = 100_000;
/** Records under way at the same time: those of twenty streams of the default capacity. */
const capacity = 2000;

/** Draws from 0 to keys - 1: number n is drawn in proportion to 1 / (n + 1) ^ 1.1. */
function zipf(random: SeededRandom): () => number {
  const upTo = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) upTo[key] = sum += (key + 1) ** -1.1;
  return () => {
    const drawn = random.next() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * Sends the records through the layers, 2000 at a time, to a far end that answers after 5 to 15 ms. Resolves with the calls for
 * each key that occurred.
 */
async function callsPerKey(layers: (random: SeededRandom) => readonly LookupLayer[]): Promise<number> {
  const random = new SeededRandom(13);
  const draw = zipf(random);
  /** Answers by the millisecond in which they are due. */
  const answers: (() => void)[][] = Array.from({ length: 16 }, () => []);
  let step = 0;
  const drawn = new Set<number>();
  let calls = 0;
  const farEnd: LookupService = ({ key }, context) => {
    calls++;
    context.callBegins();
    return new Promise((resolve) => {
      const due = (step + random.between(5, 15)) % answers.length;
      answers[due]?.push(() => resolve(new Answer(JSON.stringify(key))));
    });
  };
  const service = stack(farEnd, ...layers(random));
  let sent = 0;
  let underWay = 0;
  let wrong = 0;
  const send = (): void => {
    while (sent < records && underWay < capacity) {
      sent++;
      const key = draw();
      drawn.add(key);
      const answer = service({ key }, new Cancellation());
      if (!(answer instanceof Promise)) {
        if (answer.json !== String(key)) wrong++;
        continue;
      }
      underWay++;
      void answer.then(({ json }) => {
        if (json !== String(key)) wrong++;
        underWay--;
        return send();
      });
    }
  };
  send();
  while (answers.some(({ length }) => length > 0)) {
    step++;
    for (const answer of answers[step % answers.length]?.splice(0) ?? []) answer();
    // The promises of these answers settle.
    // oxlint-disable-next-line no-await-in-loop
    await turn();
  }
  expect([sent, underWay, wrong]).toEqual([records, 0, 0]);
  return calls / drawn.size;
}

const cacheOf = (): LookupLayer =>
  new LookupCache(cacheOptions.parse({ maxEntries: keys, ttl: '1h' }), virtualClock(), true).layer;
const coalesceOf = (random: SeededRandom): LookupLayer =>
  new Coalesce<Arguments, Answer>(argumentsKey, () => random.next()).layer;

test(
  'a million records with 100,000 keys, Zipf 1.1, make one call for each key with cache and coalesce',
  { timeout: 120_000 },
  async () => {
    const ratio = await callsPerKey((random) => [cacheOf(), coalesceOf(random)]);
    expect(ratio).toBe(1);
  },
);

test(
  'the same records make more calls with the cache alone: those that come before the first answer',
  { timeout: 120_000 },
  async () => {
    expect(await callsPerKey(() => [cacheOf()])).toBeGreaterThan(1.02);
  },
);
