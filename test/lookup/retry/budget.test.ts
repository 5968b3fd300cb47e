import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import type { Clock } from '../../../src/core/time/time.ts';
import { RetryBudget } from '../../../src/lookup/retry/budget.ts';

/** A clock that the test sets. It has no timers. */
const clock = { nowMs: 0, now: (): number => clock.nowMs, setTimer: () => () => {} } satisfies Clock & {
  nowMs: number;
};

function permitted(budget: RetryBudget, asked: number): number {
  return Array.from({ length: asked }, () => budget.permit()).filter(Boolean).length;
}

function budgetOf(ratio: number, perSecond: number): RetryBudget {
  clock.nowMs = 0;
  return new RetryBudget({ ratio, perSecond }, clock);
}

describe('a budget of retries', () => {
  test('permits a share of the calls', () => {
    const budget = budgetOf(0.2, 0);
    for (let call = 0; call < 1000; call++) budget.called();
    expect(permitted(budget, 1000)).toBe(200);
  });

  test('permits perSecond retries in each second, however few the calls are', () => {
    const budget = budgetOf(0, 10);
    expect(permitted(budget, 100)).toBe(10);
    clock.nowMs = 999;
    expect(permitted(budget, 100)).toBe(0);
    clock.nowMs = 1000;
    expect(permitted(budget, 100)).toBe(10);
  });

  test('forgets calls and retries after ten seconds, however long no call comes', () => {
    const budget = budgetOf(0.5, 0);
    for (let call = 0; call < 10; call++) budget.called();
    expect(permitted(budget, 3)).toBe(3);
    clock.nowMs = 9999;
    expect(permitted(budget, 10)).toBe(2);
    clock.nowMs = 10_000;
    expect(permitted(budget, 10)).toBe(0);
    clock.nowMs = 86_400_000;
    budget.called();
    budget.called();
    expect(permitted(budget, 10)).toBe(1);
  });

  test('of nothing permits nothing', () => {
    expect(permitted(budgetOf(0, 0), 10)).toBe(0);
  });

  test('starts at any time of its clock', async () => {
    const late = virtualClock(123_456_789.5);
    const budget = new RetryBudget({ ratio: 1, perSecond: 0 }, late);
    budget.called();
    await late.advance(100);
    expect(permitted(budget, 5)).toBe(1);
  });

  test('permits exactly what its rule says of the calls and retries of the last ten seconds', () => {
    const events = fc.array(fc.record({ afterMs: fc.nat(4000), calls: fc.nat(20), retries: fc.nat(20) }));
    fc.assert(
      fc.property(events, fc.double({ min: 0, max: 2, noNaN: true }), fc.nat(5), (story, ratio, perSecond) => {
        const budget = budgetOf(ratio, perSecond);
        const calls: number[] = [];
        const retries: number[] = [];
        for (const event of story) {
          clock.nowMs += event.afterMs;
          const second = Math.floor(clock.nowMs / 1000);
          const recent = (seconds: readonly number[], span: number): number =>
            seconds.filter((at) => at > second - span).length;
          for (let call = 0; call < event.calls; call++) {
            budget.called();
            calls.push(second);
          }
          for (let retry = 0; retry < event.retries; retry++) {
            const allowed = recent(retries, 1) < perSecond || recent(retries, 10) < ratio * recent(calls, 10);
            expect(budget.permit()).toBe(allowed);
            if (allowed) retries.push(second);
          }
        }
      }),
    );
  });
});
