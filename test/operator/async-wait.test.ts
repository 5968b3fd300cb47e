import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import type { Attempt } from '../../src/operator/attempt.ts';
import { modes, Scripted } from './scripted.ts';

describe.each(modes)('admission: %s', (mode) => {
  test('C1 a record that has no slot is not started, and no clock runs for it', () => {
    const operator = new Scripted({ mode, capacity: 2, timeoutMs: 100 });
    expect(operator.offer('a', 'b', 'c')).toEqual([true, true, false]);
    expect(operator.started).toEqual(['a', 'b']);
  });

  test('C2 a slot is freed by emission, never by completion', () => {
    const operator = new Scripted({ mode, capacity: 1 });
    operator.readable = false;
    operator.offer('a');
    operator.complete('a');
    operator.turn();
    expect(operator.offer('b')).toEqual([false]);
    operator.readable = true;
    operator.wait.downstreamReady();
    expect(operator.output).toEqual(['A']);
    expect(operator.offer('b')).toEqual([true]);
  });

  test('C3 a watermark takes a slot', () => {
    const operator = new Scripted({ mode, capacity: 2 });
    operator.offer('a');
    expect([operator.watermark(1), operator.watermark(2)]).toEqual([true, false]);
    expect(operator.offer('b')).toEqual([false]);
  });

  test('C4 onRoom is called once, after an offer was refused, when a slot is free', () => {
    const operator = new Scripted({ mode, capacity: 1 });
    operator.offer('a');
    operator.complete('a');
    operator.turn();
    expect(operator.events).toEqual(['flush']);
    operator.offer('b', 'c', 'd');
    operator.complete('b');
    operator.turn();
    expect(operator.events).toEqual(['flush', 'flush', 'room']);
  });

  test('C5 while the reader has no room nothing is emitted, and slots stay taken', () => {
    const operator = new Scripted({ mode, capacity: 2 });
    operator.readable = false;
    operator.offer('a', 'b', 'c');
    operator.complete('a', 'b');
    operator.turn();
    expect([operator.output, operator.events, operator.wait.size]).toEqual([[], [], 2]);
    expect(operator.wait.completedWaiting).toBe(2);
  });

  test('completions of one moment are emitted in one turn and flushed once', () => {
    const operator = new Scripted({ mode, capacity: 5 });
    operator.offer('a', 'b', 'c');
    operator.complete('a', 'b', 'c');
    expect(operator.output).toEqual([]);
    operator.turn();
    expect(operator.output).toEqual(['A', 'B', 'C']);
    expect(operator.events).toEqual(['flush']);
  });

  test('a function that answers at once goes on without a turn, and its outcomes are flushed in the next turn', () => {
    const operator = new Scripted({ mode, capacity: 2, invoke: (input, attempt) => attempt.complete(input) });
    expect(operator.offer('a', 'b', 'c', 'd', 'e')).toEqual([true, true, true, true, true]);
    expect(operator.output).toEqual(['a', 'b', 'c', 'd']);
    expect(operator.events).toEqual([]);
    operator.turn();
    expect(operator.output).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(operator.events).toEqual(['flush']);
  });

  test('a record that is offered within emit, or a drain within emit, emits nothing inside of it', () => {
    let depth = 0;
    let deepest = 0;
    let next = 0;
    const operator: Scripted = new Scripted({
      mode,
      capacity: 2,
      invoke: (input, attempt) => attempt.complete(input),
      onEmit() {
        deepest = Math.max(deepest, ++depth);
        if (next < 10) operator.offer(`a${next++}`, `b${next++}`);
        operator.wait.downstreamReady();
        depth--;
      },
    });
    operator.offer('c', 'd');
    operator.turn();
    expect(operator.output.slice(0, 2)).toEqual(['c', 'd']);
    expect(operator.output.length).toBeGreaterThan(2);
    expect(deepest).toBe(1);
  });

  test('a reader that has room again during a flush receives the remaining outcomes in the same turn', () => {
    const operator: Scripted = new Scripted({
      mode,
      capacity: 3,
      onEmit: () => (operator.readable = false),
      onFlush() {
        operator.readable = true;
        operator.wait.downstreamReady();
      },
    });
    operator.offer('a', 'b', 'c');
    operator.complete('a', 'b', 'c');
    operator.turn();
    expect(operator.output).toEqual(['A', 'B', 'C']);
    expect(operator.events).toEqual(['flush', 'flush', 'flush']);
  });

  test('a hundred thousand records that are offered within onRoom need no deeper stack', () => {
    let next = 0;
    const operator: Scripted = new Scripted({
      mode,
      capacity: 1,
      invoke: (input, attempt) => attempt.complete(input),
      onRoom: offerAll,
    });
    function offerAll(): void {
      while (next < 100_000 && operator.wait.offer(`a${next}`)) next++;
      if (next === 100_000) operator.wait.end();
    }
    operator.readable = false;
    offerAll();
    operator.readable = true;
    operator.wait.downstreamReady();
    operator.turn();
    expect(operator.output).toHaveLength(100_000);
    expect(operator.events.at(-1)).toBe('end');
  });
});

describe.each(modes)('completion: %s', (mode) => {
  test('P1 the first completion wins; later ones are ignored and counted', () => {
    const operator = new Scripted({ mode });
    operator.offer('a');
    const call = operator.call('a');
    call.complete('first');
    call.complete('second');
    call.fail(new Error('third'));
    operator.turn();
    expect(operator.output).toEqual(['first']);
    expect(operator.wait.lateCompletions).toBe(2);
    call.complete('long after');
    expect(operator.wait.lateCompletions).toBe(3);
  });

  test('P4 a synchronous throw is an error of that record', () => {
    const operator = new Scripted({
      mode,
      invoke: (input) => {
        if (input === 'b') throw new Error('no');
      },
    });
    operator.offer('a', 'b');
    operator.complete('a');
    operator.turn();
    const outcomes = ['b failed: no', 'A'];
    expect(operator.output).toEqual(mode === 'ordered' ? outcomes.toReversed() : outcomes);
  });

  test('P5 an error lets the records behind it go on', () => {
    const operator = new Scripted({ mode, capacity: 1 });
    operator.offer('a', 'b');
    operator.call('a').fail(new Error('broken'));
    operator.turn();
    expect(operator.output).toEqual(['a failed: broken']);
    expect(operator.events).toEqual(['flush', 'room']);
  });
});

describe.each(modes)('timeout: %s', (mode) => {
  test('T2 the call is cancelled, then the hook decides the outcome', async () => {
    const operator = new Scripted({ mode, timeoutMs: 100 });
    operator.offer('a');
    expect(operator.call('a').deadline).toBe(100);
    await operator.clock.advance(99);
    expect(operator.cancelled).toEqual([]);
    await operator.clock.advance(1);
    operator.turn();
    expect(operator.cancelled).toEqual(['a']);
    expect(operator.call('a').reason).toBeInstanceOf(RecordError);
    expect(operator.output).toEqual(['a timed out']);
  });

  test('T3 P2 the cancelled call cannot complete the record, not even while the hook takes its time', async () => {
    let hook: { complete(output: string): void } | undefined;
    const operator = new Scripted({ mode, timeoutMs: 100, onTimeout: (_input, attempt) => (hook = attempt) });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.complete('a');
    operator.turn();
    expect(operator.output).toEqual([]);
    expect(operator.wait.lateCompletions).toBe(1);
    hook?.complete('from the hook');
    operator.turn();
    expect(operator.output).toEqual(['from the hook']);
  });

  test('T2 a hook has as long again as the record had: its deadline says so, and until then it may complete', async () => {
    let hook: Attempt<string, string> | undefined;
    const operator = new Scripted({ mode, timeoutMs: 100, onTimeout: (_input, attempt) => (hook = attempt) });
    operator.offer('a');
    await operator.clock.advance(199);
    expect(hook).toMatchObject({ deadline: 200, cancelled: false });
    hook?.complete('from the hook');
    operator.wait.end();
    operator.turn();
    expect(operator.output).toEqual(['from the hook']);
    expect(operator.clock.timers).toBe(0);
  });

  test('T2 a hook that has not completed by then is cancelled; the error is `timeout`, and its later completion is late', async () => {
    const hooks: Attempt<string, string>[] = [];
    const operator = new Scripted({
      mode,
      capacity: 4,
      timeoutMs: 100,
      onTimeout(_input, attempt) {
        hooks.push(attempt);
        attempt.onCancel(() => attempt.complete('from a listener'));
      },
    });
    operator.offer('a', 'b');
    await operator.clock.advance(50);
    operator.offer('c');
    await operator.clock.advance(150);
    operator.turn();
    const failed = 'failed: the record took longer than its timeout of 100 ms, and its timeout hook as long again';
    expect(operator.output).toEqual([`a ${failed}`, `b ${failed}`]);
    expect(hooks.map(({ cancelled }) => cancelled)).toEqual([true, true, false]);
    for (const hook of hooks.slice(0, 2)) hook.complete('late');
    expect(operator.wait.lateCompletions).toBe(4);
    operator.wait.end(false);
    await operator.clock.advance(50);
    operator.turn();
    expect(operator.output).toHaveLength(3);
    expect(operator.clock.timers).toBe(0);
  });

  test('E2 an abort cancels a hook that has not answered, and leaves no timer', async () => {
    let hook: Attempt<string, string> | undefined;
    const operator = new Scripted({ mode, timeoutMs: 100, onTimeout: (_input, attempt) => (hook = attempt) });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.wait.abort('gone');
    expect([hook?.cancelled, hook?.reason, operator.clock.timers]).toEqual([true, 'gone', 0]);
  });

  test('T3 a function that completes when its signal aborts is late', async () => {
    const operator = new Scripted({
      mode,
      timeoutMs: 100,
      invoke: (_input, attempt) => {
        attempt.signal.addEventListener('abort', () => attempt.complete('from the listener'));
      },
    });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.turn();
    expect(operator.output).toEqual(['a timed out']);
    expect(operator.wait.lateCompletions).toBe(1);
  });

  test('T4 a complete record never times out, even while it is not emitted', async () => {
    const operator = new Scripted({ mode, timeoutMs: 100 });
    operator.readable = false;
    operator.offer('a');
    operator.complete('a');
    await operator.clock.advance(1000);
    operator.readable = true;
    operator.wait.downstreamReady();
    expect(operator.output).toEqual(['A']);
    expect(operator.cancelled).toEqual([]);
  });

  test('T5 a timeout of 0 is no timeout', async () => {
    const operator = new Scripted({ mode, timeoutMs: 0 });
    operator.offer('a');
    expect(operator.call('a').deadline).toBe(Infinity);
    expect(operator.clock.timers).toBe(0);
    await operator.clock.advance(1e9);
    expect(operator.cancelled).toEqual([]);
  });

  test('T6 many records share one timer, and after the last record there is no timer', () => {
    const operator = new Scripted({ mode, capacity: 1000, timeoutMs: 100 });
    const inputs = Array.from({ length: 1000 }, (_, index) => `${String.fromCharCode(97 + (index % 26))}${index}`);
    operator.offer(...inputs);
    expect(operator.clock.timers).toBe(1);
    operator.wait.end();
    for (const input of inputs) operator.complete(input);
    operator.turn();
    expect(operator.output).toHaveLength(1000);
    expect(operator.clock.timers).toBe(0);
  });

  test('a hook that throws fails its record', async () => {
    const operator = new Scripted({
      mode,
      timeoutMs: 100,
      onTimeout: () => {
        throw new Error('hook');
      },
    });
    operator.offer('a');
    await operator.clock.advance(100);
    operator.turn();
    expect(operator.output).toEqual(['a failed: hook']);
  });
});

describe.each(modes)('end and abort: %s', (mode) => {
  test('E1 onEnd is called once, when every slot is emitted, and not within end()', () => {
    const operator = new Scripted({ mode });
    operator.offer('a');
    operator.wait.end();
    operator.turn();
    expect(operator.events).toEqual([]);
    operator.complete('a');
    operator.turn();
    expect(operator.events).toEqual(['flush', 'end']);
    operator.wait.end();
    operator.turn();
    expect(operator.events).toEqual(['flush', 'end']);
    expect(operator.offer('b')).toEqual([false]);
  });

  test('E1 an empty stream ends as well', () => {
    const operator = new Scripted({ mode });
    operator.wait.end();
    expect(operator.events).toEqual([]);
    operator.turn();
    expect(operator.events).toEqual(['end']);
  });

  test('R6 the end of the input reaches the running calls only if it cuts waits short', () => {
    const operator = new Scripted({ mode });
    operator.offer('a');
    let ended = 0;
    operator.call('a').inputEnd.onEnd(() => ended++);
    expect(operator.call('a').inputEnd.ended).toBe(false);
    operator.wait.end(true);
    expect([ended, operator.call('a').inputEnd.ended]).toEqual([1, true]);
    const finishing = new Scripted({ mode });
    finishing.offer('a');
    finishing.wait.end();
    expect(finishing.call('a').inputEnd.ended).toBe(false);
  });

  test('E2 an abort cancels the running calls, leaves no timer, and ignores later completions', () => {
    const operator = new Scripted({ mode, capacity: 3, timeoutMs: 100 });
    operator.offer('a', 'b', 'c');
    operator.complete('b');
    operator.wait.abort(new Error('client gone'));
    expect(operator.cancelled).toEqual(['a', 'c']);
    operator.complete('a', 'c');
    operator.turn();
    operator.wait.downstreamReady();
    expect([operator.output, operator.events]).toEqual([[], []]);
    expect([operator.clock.timers, operator.wait.size, operator.wait.inFlight]).toEqual([0, 0, 0]);
    expect(operator.wait.lateCompletions).toBe(0);
    expect(operator.offer('d')).toEqual([false]);
  });

  test('E2 an abort within a call cancels that call as well', () => {
    const operator: Scripted = new Scripted({
      mode,
      timeoutMs: 100,
      invoke: () => operator.wait.abort(new Error('stop')),
    });
    operator.offer('a');
    expect(operator.cancelled).toEqual(['a']);
    expect(operator.clock.timers).toBe(0);
  });
});

describe('keyed order', () => {
  test('O3 a key has one call at a time while other keys run; a completion starts the next call before emission', () => {
    const operator = new Scripted({ mode: 'keyed', capacity: 9 });
    operator.readable = false;
    operator.offer('a1', 'a2', 'b1', 'a3');
    expect(operator.started).toEqual(['a1', 'b1']);
    operator.complete('a1');
    expect(operator.started).toEqual(['a1', 'b1', 'a2']);
    expect(operator.wait.inFlight).toBe(2);
  });

  test('O3 the time of a record that waits for its key starts with its call', async () => {
    const operator = new Scripted({ mode: 'keyed', capacity: 9, timeoutMs: 100 });
    operator.offer('a1', 'a2');
    await operator.clock.advance(80);
    operator.complete('a1');
    expect(operator.call('a2').deadline).toBe(180);
    await operator.clock.advance(99);
    expect(operator.cancelled).toEqual([]);
    await operator.clock.advance(1);
    expect(operator.cancelled).toEqual(['a2']);
  });

  test('O3 a long chain of one key that answers at once needs no deeper stack', () => {
    const operator = new Scripted({
      mode: 'keyed',
      capacity: 100_000,
      invoke: (input, attempt) => {
        if (input !== 'a0') attempt.complete(input);
      },
    });
    for (let index = 0; index < 50_000; index++) operator.wait.offer(`a${index}`);
    operator.complete('a0');
    operator.turn();
    expect(operator.output).toHaveLength(50_000);
    expect(operator.output.at(-1)).toBe('a49999');
  });
});

const immediateOutcome = (input: string): string => `${input} at once`;

describe.each(modes)('an immediate answer, %s', (mode) => {
  test('takes no slot while no slot is taken, and is emitted in the same turn', () => {
    const operator = new Scripted({ mode, capacity: 2, immediateOutcome });
    expect(operator.offer('a', 'b', 'c')).toEqual([true, true, true]);
    expect(operator.output).toEqual(['a at once', 'b at once', 'c at once']);
    expect([operator.wait.size, operator.events]).toEqual([0, []]);
    operator.turn();
    expect(operator.events).toEqual(['flush']);
  });

  test('stays behind a record or a watermark that has a slot', () => {
    const operator = new Scripted({ mode, capacity: 3, immediateOutcome });
    operator.readable = false;
    operator.offer('a');
    operator.readable = true;
    operator.offer('b');
    expect([operator.started, operator.output]).toEqual([['a', 'b'], []]);
    operator.complete('a', 'b');
    operator.turn();
    operator.watermark(1);
    operator.offer('c');
    operator.turn();
    operator.complete('c');
    operator.turn();
    expect(operator.output).toEqual(['A', 'B', '| 1', 'C']);
  });

  test('waits in a slot while the reader has no room', () => {
    const operator = new Scripted({ mode, capacity: 2, immediateOutcome });
    operator.readable = false;
    expect(operator.offer('a', 'b', 'c')).toEqual([true, true, false]);
    expect([operator.output, operator.wait.size]).toEqual([[], 2]);
  });

  test('is neither requested nor emitted after the end or an abort', () => {
    const ended = new Scripted({ mode, immediateOutcome });
    ended.wait.end();
    const aborted = new Scripted({ mode, immediateOutcome });
    aborted.wait.abort('over');
    expect([...ended.offer('a'), ...aborted.offer('a')]).toEqual([false, false]);
    expect([ended.output, aborted.output]).toEqual([[], []]);
  });
});

describe('measures', () => {
  test('a stop of the input that an abort ends is counted until the abort', async () => {
    const reported: string[] = [];
    const observer = {
      recordDuration() {},
      reorderWait() {},
      lateCompletion() {},
      backpressure: (reason: string, ms: number) => void reported.push(`${reason} ${ms}`),
    };
    const operator = new Scripted({ capacity: 1, observer });
    operator.offer('a', 'b');
    await operator.clock.advance(40);
    operator.wait.abort('over');
    operator.wait.abort('over again');
    expect(reported).toEqual(['capacity 40']);
  });

  test('the observer receives the duration of a record, its wait for emission, and the reason why the input stood still', async () => {
    const reported: string[] = [];
    const operator = new Scripted({
      mode: 'ordered',
      capacity: 2,
      observer: {
        recordDuration: (ms) => void reported.push(`took ${ms}`),
        reorderWait: (ms) => void reported.push(`waited ${ms}`),
        lateCompletion: () => void reported.push('late'),
        backpressure: (reason, ms) => void reported.push(`${reason} ${ms}`),
      },
    });
    operator.offer('a', 'b', 'c');
    await operator.clock.advance(10);
    operator.complete('b');
    await operator.clock.advance(20);
    operator.complete('a', 'a');
    operator.turn();
    expect(reported).toEqual(['late', 'waited 0', 'took 30', 'waited 20', 'took 30', 'capacity 30']);
    reported.length = 0;
    operator.offer('d', 'e', 'f');
    operator.readable = false;
    operator.complete('d', 'e');
    await operator.clock.advance(5);
    operator.readable = true;
    operator.wait.downstreamReady();
    expect(reported.at(-1)).toBe('slow_reader 5');
    expect(operator.wait.highestInFlight).toBe(2);
  });
});
