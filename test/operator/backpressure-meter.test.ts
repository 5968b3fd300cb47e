import { describe, expect, test } from 'vitest';
import type { BackpressureReason } from '../../src/core/observer/observer.ts';
import { virtualClock, type VirtualClock } from '../../src/core/time/virtual-clock.ts';
import { BackpressureMeter } from '../../src/operator/backpressure-meter.ts';
import { Scripted } from './scripted.ts';

function metered(): { clock: VirtualClock; counted: string[]; meter: BackpressureMeter } {
  const clock = virtualClock(1000);
  const counted: string[] = [];
  const meter = new BackpressureMeter((reason, ms) => void counted.push(`${reason} ${ms}`), clock);
  return { clock, counted, meter };
}

describe('backpressure meter', () => {
  test('an input that moves has no reason, and counts nothing', async () => {
    const { clock, counted, meter } = metered();
    await clock.advance(10);
    meter.moving();
    expect([meter.reason, meter.current, counted]).toEqual([undefined, undefined, []]);
  });

  test('a wait is counted when it ends, for the reason that it had', async () => {
    const { clock, counted, meter } = metered();
    meter.stopped('slow_reader');
    await clock.advance(30);
    expect([meter.reason, counted]).toEqual(['slow_reader', []]);
    meter.moving();
    await clock.advance(30);
    meter.moving();
    expect([meter.reason, counted]).toEqual([undefined, ['slow_reader 30']]);
  });

  test('a change of reason divides a wait, and the same reason again does not', async () => {
    const { clock, counted, meter } = metered();
    const reasons: readonly BackpressureReason[] = ['capacity', 'capacity', 'limit', 'memory'];
    for (const reason of reasons) {
      meter.stopped(reason);
      await clock.advance(10);
    }
    meter.moving();
    expect(counted).toEqual(['capacity 20', 'limit 10', 'memory 10']);
  });

  test('current gives the wait that is not counted yet, so each millisecond is in one of the two', async () => {
    const { clock, counted, meter } = metered();
    meter.stopped('capacity');
    await clock.advance(7);
    expect(meter.current).toEqual({ reason: 'capacity', ms: 7 });
    meter.stopped('limit');
    expect([meter.current, counted]).toEqual([{ reason: 'limit', ms: 0 }, ['capacity 7']]);
    await clock.advance(3);
    expect(meter.current).toEqual({ reason: 'limit', ms: 3 });
    meter.moving();
    expect([meter.current, counted]).toEqual([undefined, ['capacity 7', 'limit 3']]);
  });
});

const observer = (counted: string[]) => ({
  recordDuration() {},
  reorderWait() {},
  lateCompletion() {},
  backpressure: (reason: string, ms: number) => void counted.push(`${reason} ${ms}`),
});

describe('the operator reports an input that stands still', () => {
  test('for the reason limit while a record waits at a limit', async () => {
    const counted: string[] = [];
    const operator = new Scripted({
      capacity: 1,
      invoke: (_input, attempt) => attempt.limitWaiting(1),
      observer: observer(counted),
    });
    operator.offer('a', 'b');
    expect(operator.meter?.reason).toBe('limit');
    await operator.clock.advance(30);
    expect(operator.meter?.current).toEqual({ reason: 'limit', ms: 30 });
    operator.call('a').limitWaiting(-1);
    operator.call('a').callBegins();
    await operator.clock.advance(12);
    expect([operator.meter?.current, counted]).toEqual([{ reason: 'capacity', ms: 12 }, ['limit 30']]);
    operator.complete('a');
    operator.turn();
    expect([operator.meter?.current, counted]).toEqual([undefined, ['limit 30', 'capacity 12']]);
  });

  test('for the reason slow_reader while the reader has no room for a complete record', async () => {
    const counted: string[] = [];
    const operator = new Scripted({ capacity: 1, observer: observer(counted) });
    operator.offer('a', 'b');
    await operator.clock.advance(5);
    operator.readable = false;
    operator.complete('a');
    await operator.clock.advance(7);
    operator.readable = true;
    operator.wait.downstreamReady();
    expect(counted).toEqual(['capacity 5', 'slow_reader 7']);
  });

  test.each([
    ['the end of the input', (operator: Scripted) => operator.wait.end()],
    ['giving up', (operator: Scripted) => operator.wait.abort('client gone')],
  ])('until %s: no record is waited for any more', async (_, end) => {
    const counted: string[] = [];
    const operator = new Scripted({ capacity: 1, observer: observer(counted) });
    operator.offer('a', 'b');
    await operator.clock.advance(5);
    end(operator);
    await operator.clock.advance(5);
    expect([operator.meter?.reason, counted]).toEqual([undefined, ['capacity 5']]);
  });

  test('and reports nothing while every record finds a slot', async () => {
    const counted: string[] = [];
    const operator = new Scripted({ capacity: 2, observer: observer(counted) });
    operator.offer('a', 'b');
    await operator.clock.advance(5);
    operator.complete('a', 'b');
    operator.turn();
    expect([operator.meter?.reason, counted]).toEqual([undefined, []]);
  });
});
