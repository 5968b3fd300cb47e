import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { endOfFailure } from '../../../src/lookup/limit/attempt-end.ts';
import { Concurrency } from '../../../src/lookup/limit/concurrency.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import { stack } from '../../../src/lookup/lookup.ts';

/** A far end with four workers and a queue, called by a hundred records at a time through the layer. */
function fourWorkers(observe: boolean) {
  const clock = virtualClock();
  const concurrency = new Concurrency<number, number>({ adaptive: { min: 1, max: 100 }, observe }, clock);
  const queue = new Limit<number, number>(concurrency.gate(undefined));
  const waiting: (() => void)[] = [];
  let [busy, running, highest] = [0, 0, 0];
  const work = (): void => {
    while (busy < 4) {
      const answer = waiting.shift();
      if (answer === undefined) return;
      busy++;
      clock.setTimer(10, () => {
        busy--;
        answer();
        work();
      });
    }
  };
  const service = stack<number, number>(
    (record) => {
      highest = Math.max(highest, ++running);
      return new Promise((resolve) => {
        waiting.push(() => {
          running--;
          resolve(record);
        });
        work();
      });
    },
    queue.layer,
    concurrency.layer,
  );
  const record = async (n: number): Promise<void> => {
    for (;;) await service(n, new Cancellation());
  };
  for (let n = 0; n < 100; n++) void record(n);
  return { clock, concurrency, highest: () => highest, running: () => running };
}

describe('an adaptive limit', () => {
  test('falls to the calls that the far end works on, and its figures have the reason', async () => {
    const { clock, concurrency, running } = fourWorkers(false);
    for (let step = 0; step < 500; step++) await clock.advance(10);
    expect(running()).toBeLessThanOrEqual(7);
    expect(running()).toBeGreaterThanOrEqual(3);
    const { latest, totals, now } = concurrency.gauges();
    expect(now?.['running']).toBe(running());
    expect(totals?.['queueing']).toBeGreaterThan(0);
    expect(totals?.['measuring']).toBeGreaterThan(0);
    expect(latest?.['unloadedMs']).toBeGreaterThanOrEqual(10);
    expect(latest?.['unloadedMs']).toBeLessThan(13);
  });

  test('that only observes holds no call back', async () => {
    const { clock, concurrency, running } = fourWorkers(true);
    await clock.advance(50);
    expect(running()).toBe(100);
    expect(concurrency.gauges().now?.['limit']).toBe(20);
  });
});

describe('a failed attempt', () => {
  test.each([
    ['timeout', {}, 'failed'],
    ['unreachable', {}, 'failed'],
    ['function_error', {}, 'failed'],
    ['bad_status', { status: 503 }, 'failed'],
    ['bad_status', { status: 429 }, 'failed'],
    ['bad_status', { status: 400 }, 'ignored'],
    ['cancelled', {}, 'ignored'],
    ['bad_response', { status: 200 }, 'ignored'],
  ] as const)('%s %o counts as %s', (code, details, end) => {
    expect(endOfFailure(new RecordError(code, '', details))).toBe(end);
  });
});
