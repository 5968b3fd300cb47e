import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { silentObserver } from '../../../src/core/observer/observer.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Breaker } from '../../../src/lookup/breaker/breaker.ts';
import { breakerOptions } from '../../../src/lookup/breaker/breaker-options.ts';
import { unlimited } from '../../../src/lookup/limit/limit.ts';
import { Answer, type Arguments, type LookupService, stack } from '../../../src/lookup/lookup.ts';
import { lookupRetry } from '../../../src/lookup/retry/lookup-retry.ts';
import { retryOptions } from '../../../src/lookup/retry/retry-options.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { SeededRandom } from '../../simulation/random.ts';

const recordsPerSecond = 500;
/** Healthy for 20 s, dead for 60 s, healthy again for 20 s. */
const [diesMs, livesMs, endsMs] = [20_000, 80_000, 100_000];

interface Load {
  /** Records that came, and calls that were made, while the lookup was dead. */
  readonly records: number;
  readonly calls: number;
  /** Those of them that were not the first call of their record: the extra load. */
  readonly extra: number;
  /** Milliseconds from its recovery to the first answer. */
  readonly recoveredMs: number;
  /** Records with an answer in the last ten seconds, of 5000. */
  readonly answeredAtEnd: number;
}

/** Offers the records of 100 s to a lookup with these layers. A dead lookup answers nothing within the timeout of 1 s. */
async function loadOn(layers: { readonly breaker?: object }, hangs: boolean): Promise<Load> {
  const clock = virtualClock();
  const numbers = new SeededRandom(7);
  const random = (): number => numbers.next();
  const observer = silentObserver.lookup('airport');
  let calls = 0;
  let extra = 0;
  let recoveredMs = Infinity;
  let answeredAtEnd = 0;
  const call: LookupService = (_, { attempt }) => {
    const dead = clock.now() >= diesMs && clock.now() < livesMs;
    if (dead) calls++;
    if (dead && attempt > 1) extra++;
    return new Promise((resolve, reject) => {
      if (!dead) clock.setTimer(20, () => resolve(new Answer('{}')));
      else if (!hangs) clock.setTimer(5, () => reject(new RecordError('unreachable', 'nothing listens there')));
    });
  };
  const retry = lookupRetry(retryOptions.parse({ attempts: 3 }), { clock, random, observer });
  const deps = { lookup: 'airport', clock, observer };
  const breaker =
    layers.breaker === undefined
      ? []
      : [new Breaker<Arguments, Answer>(breakerOptions.parse(layers.breaker), deps).layer];
  const service = stack(call, retry, unlimited(), ...breaker, timeout({ timeoutMs: 1000, clock }));
  const record = async (): Promise<void> => {
    const begunMs = clock.now();
    try {
      await service({}, new Cancellation(begunMs + 5000));
    } catch {
      return;
    }
    if (begunMs >= livesMs) recoveredMs = Math.min(recoveredMs, clock.now() - livesMs);
    if (begunMs >= endsMs - 10_000) answeredAtEnd++;
  };
  const perTick = recordsPerSecond / 50;
  for (let tick = 0; tick < endsMs / 20; tick++) {
    for (let n = 0; n < perTick; n++) void record();
    // oxlint-disable-next-line no-await-in-loop
    await clock.advance(20);
  }
  await clock.advance(10_000);
  return { records: ((livesMs - diesMs) / 1000) * recordsPerSecond, calls, extra, recoveredMs, answeredAtEnd };
}

describe.each([
  ['refuses connections', false],
  ['does not answer', true],
])('a lookup with a retry that %s for a minute, at 500 records a second,', (_, hangs) => {
  test('gets a fifth more calls than records, because the budget of the retry bounds them', async () => {
    const { calls, records } = await loadOn({}, hangs);
    expect(calls / records).toBeGreaterThan(1.15);
    expect(calls / records).toBeLessThan(1.25);
  });

  test('gets a tenth of the calls with a breaker, of which few are retries, and answers soon after it recovers', async () => {
    const { calls, records, extra, recoveredMs, answeredAtEnd } = await loadOn({ breaker: {} }, hangs);
    expect(extra / records).toBeLessThan(0.04);
    expect(calls / records).toBeLessThan(0.11);
    expect(recoveredMs).toBeLessThanOrEqual(6100);
    expect(answeredAtEnd).toBe(5000);
  });

  test('gets 4 % of the calls at most if the window is two seconds', async () => {
    const { calls, records, answeredAtEnd } = await loadOn({ breaker: { window: '2s' } }, hangs);
    expect(calls / records).toBeLessThan(0.04);
    expect(answeredAtEnd).toBe(5000);
  });
});
