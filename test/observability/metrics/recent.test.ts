import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { isJsonObject, type JsonObject } from '../../../src/core/json/json.ts';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';

/** One lookup with a clock of the test; it counts the calls that the test makes. */
function lookup() {
  const clock = virtualClock(5000);
  const metrics = createMetrics({ version: '0', clock });
  const observer = metrics.observer.lookup('far');
  return {
    clock,
    metrics,
    observer,
    calls: (count: number, ms: number): void => {
      for (let call = 0; call < count; call++) observer.called('ok', ms);
    },
    recent: (): JsonObject => {
      const state = metrics.snapshot().lookups['far'];
      const recent = isJsonObject(state) ? state['recent'] : undefined;
      if (!isJsonObject(recent)) throw new Error('no figures');
      return recent;
    },
  };
}

describe('the figures of the last seconds', () => {
  test('cover everything since the start at the first reading', async () => {
    const { clock, calls, recent } = lookup();
    calls(100, 10);
    await clock.advance(4000);
    expect(recent()).toMatchObject({ windowMs: 4000, callsPerSecond: 25 });
  });

  test('cover the last ten seconds, if there is a tick every second', async () => {
    const { clock, calls, recent, metrics } = lookup();
    for (let second = 0; second < 60; second++) {
      calls(second < 30 ? 1000 : 20, second < 30 ? 500 : 3);
      await clock.advance(1000);
      metrics.tick();
      metrics.tick();
    }
    const { windowMs, callsPerSecond, p50Ms, p99Ms } = recent();
    expect([windowMs, callsPerSecond]).toEqual([10_000, 20]);
    // The slow calls were half a minute ago; of all calls since the start they are most.
    expect(Number(p50Ms)).toBeCloseTo(3, 0);
    expect(Number(p99Ms)).toBeLessThan(4);
    expect(metrics.snapshot()).toMatchObject({ lookups: { far: { duration: { count: 30_600 } } } });
  });

  test('go back to the last snapshot, however old it is, so that no call is left out', async () => {
    const { clock, calls, recent } = lookup();
    recent();
    calls(60, 1);
    await clock.advance(60_000);
    expect(recent()).toMatchObject({ windowMs: 60_000, callsPerSecond: 1 });
    calls(10, 1);
    await clock.advance(5000);
    expect(recent()).toMatchObject({ windowMs: 5000, callsPerSecond: 2 });
  });

  test('never cover less than a second, however often they are read', async () => {
    const { clock, calls, recent } = lookup();
    await clock.advance(30_000);
    calls(30, 1);
    for (let ask = 0; ask < 9; ask++) {
      recent();
      await clock.advance(100);
    }
    expect(recent()).toMatchObject({ windowMs: 30_900 });
    await clock.advance(100);
    expect(recent()).toMatchObject({ windowMs: 1000, callsPerSecond: 0, p50Ms: null, p99Ms: null });
  });

  test('count calls that failed and retries apart, and a cancelled call not as a failure', async () => {
    const { clock, observer, recent, metrics } = lookup();
    for (const outcome of ['ok', 'miss', 'cancelled', 'timeout', 'unreachable', 'bad_status', 'refused'] as const) {
      observer.called(outcome, 1);
    }
    observer.retried();
    await clock.advance(1000);
    expect(recent()).toMatchObject({ callsPerSecond: 7, errorsPerSecond: 4, retriesPerSecond: 1 });
    expect(metrics.snapshot()).toMatchObject({ lookups: { far: { errors: 4, retries: 1 } } });
  });

  test('exist for a pipeline as well', async () => {
    const clock = virtualClock();
    const metrics = createMetrics({ version: '0', clock });
    const pipeline = metrics.observer.pipeline('p');
    for (let record = 0; record < 10; record++) {
      pipeline.recordIn();
      pipeline.recordOut('enriched');
      pipeline.recordDuration(20);
    }
    pipeline.recordIn();
    pipeline.recordError({ code: 'timeout', message: 'no answer' });
    pipeline.recordOut('error');
    await clock.advance(2000);
    expect(metrics.snapshot()).toMatchObject({
      pipelines: { p: { recent: { recordsInPerSecond: 5.5, recordsOutPerSecond: 5.5, errorsPerSecond: 0.5 } } },
    });
  });
});
