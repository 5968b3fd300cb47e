import { describe, expect, test } from 'vitest';
import { modes, Scripted } from './scripted.ts';

/** What `Limit` reports of a call: that it waits at the limit. */
const waits = (_input: string, attempt: { limitWaiting(delta: 1 | -1): void }): void => attempt.limitWaiting(1);

function begin(operator: Scripted, input: string): void {
  operator.call(input).limitWaiting(-1);
  operator.call(input).callBegins();
}

describe.each(modes)('a record whose first call waits at a limit (C7), %s', (mode) => {
  test('has its slot, but its clock starts with the call', async () => {
    const operator = new Scripted({ mode, capacity: 2, timeoutMs: 100, invoke: waits });
    expect(operator.offer('a', 'b', 'c')).toEqual([true, true, false]);
    await operator.clock.advance(1000);
    operator.turn();
    expect(operator.output).toEqual([]);
    begin(operator, 'a');
    expect(operator.call('a').deadline).toBe(1100);
    await operator.clock.advance(99);
    operator.turn();
    expect(operator.output).toEqual([]);
    await operator.clock.advance(1);
    operator.turn();
    expect(operator.output).toEqual(['a timed out']);
  });

  test('has its clock started at admission if limitWaitCounts is set', async () => {
    const operator = new Scripted({ mode, capacity: 2, timeoutMs: 100, limitWaitCounts: true, invoke: waits });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.turn();
    expect(operator.output).toEqual(['a timed out']);
  });

  test('keeps its clock through the waits of later calls', async () => {
    const operator = new Scripted({ mode, capacity: 2, timeoutMs: 100, invoke: waits });
    operator.offer('a');
    begin(operator, 'a');
    await operator.clock.advance(60);
    operator.call('a').limitWaiting(1);
    await operator.clock.advance(39);
    operator.turn();
    expect(operator.output).toEqual([]);
    await operator.clock.advance(1);
    operator.turn();
    expect(operator.output).toEqual(['a timed out']);
  });

  test('has its clock started by another of its calls', async () => {
    const operator = new Scripted({
      mode,
      timeoutMs: 100,
      invoke(_input, attempt) {
        attempt.limitWaiting(1);
        attempt.callBegins();
      },
    });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.turn();
    expect(operator.output).toEqual(['a timed out']);
  });

  test('leaves no timer after an abort', () => {
    const operator = new Scripted({ mode, timeoutMs: 100, invoke: waits });
    operator.offer('a', 'b');
    operator.wait.abort('client gone');
    begin(operator, 'a');
    expect([operator.clock.timers, operator.cancelled]).toEqual([0, ['a', 'b']]);
  });
});
