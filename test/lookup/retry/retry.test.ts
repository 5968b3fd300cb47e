import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import { stack } from '../../../src/lookup/lookup.ts';
import { plainRules, retry } from '../../../src/lookup/retry/retry.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { Record } from '../../core/call/sharing.ts';
import { leftovers, nothingLeft, scene } from './retried.ts';

const waits = { timers: 1, cancelHooks: 1, endHooks: 1, waiting: 1 };

describe('a retry', () => {
  test('follows a failure and a result that the rules name, after the wait of the rules', async () => {
    const it = scene(3);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(99);
    expect(it.calls).toHaveLength(1);
    await it.clock.advance(1);
    it.calls[1]?.resolve('empty');
    await it.clock.advance(100);
    it.calls[2]?.resolve('b');
    await it.clock.advance(0);
    expect(it.outcome()).toBe('b');
    expect(it.calls.map(({ context, atMs }) => [context.attempt, atMs])).toEqual([
      [1, 0],
      [2, 100],
      [3, 200],
    ]);
    expect(it.counts).toEqual({ called: 1, retried: 2, permits: 2 });
    expect(leftovers(it)).toEqual(nothingLeft);
  });

  test('gives the first call the context of its caller, and a later one the same with its own number', async () => {
    const it = scene(1, {}, 5000);
    void it.ask();
    expect(it.calls[0]?.context).toBe(it.caller);
    it.calls[0]?.reject('down');
    await it.clock.advance(100);
    const later = it.calls[1]?.context;
    expect(later).toMatchObject({ attempt: 2, deadline: 5000, cancelled: false, inputEnd: it.inputEnd });
    expect(later?.signal).toBe(it.caller.signal);
    const heard: unknown[] = [];
    later?.onCancel((reason) => heard.push(reason));
    it.caller.cancel('gone');
    expect(heard).toEqual(['gone']);
    expect(later?.cancelled).toBe(true);
  });

  test.each([
    ['result', 'empty'],
    ['error', 'down'],
  ])('that was the last makes the %s final', async (kind, value) => {
    const it = scene(2);
    void it.ask();
    for (let call = 0; call < 3; call++) {
      if (kind === 'result') it.calls[call]?.resolve(value);
      else it.calls[call]?.reject(value);
      await it.clock.advance(100);
    }
    expect(it.calls).toHaveLength(3);
    expect(it.outcome()).toBe(value);
    expect(leftovers(it)).toEqual(nothingLeft);
  });

  test('does not follow an outcome that no rule names', async () => {
    const it = scene(3);
    void it.ask();
    it.calls[0]?.reject('final');
    await it.clock.advance(1000);
    expect([it.calls.length, it.outcome()]).toEqual([1, 'final']);
  });

  test('does not follow if the budget is spent', async () => {
    const it = scene(3, { permit: () => false });
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(1000);
    expect([it.calls.length, it.outcome()]).toEqual([1, 'down']);
    expect(leftovers(it)).toEqual(nothingLeft);
  });

  test('is counted as waiting for as long as it waits, once', async () => {
    const it = scene(2);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(50);
    expect(leftovers(it)).toEqual(waits);
    await it.clock.advance(50);
    expect(leftovers(it)).toEqual(nothingLeft);
  });

  test('fails with the error that a rule throws', async () => {
    const it = scene(1, {
      onResult() {
        throw new TypeError('no predicate');
      },
    });
    void it.ask();
    it.calls[0]?.resolve('b');
    await it.clock.advance(0);
    expect(it.outcome()).toBeInstanceOf(TypeError);
    expect(leftovers(it)).toEqual(nothingLeft);
  });
});

describe('an outcome that is there at once', () => {
  const rules = {
    ...plainRules,
    canRetry: (attempt: number) => attempt <= 2,
    onResult: (result: string) => result === 'empty',
    onError: (error: unknown) => error !== 'final',
    delayMs: () => 10,
  };

  test('is returned at once if it is final, without a promise', () => {
    const clock = virtualClock();
    const echo = retry<string, string>(rules, { clock })((request) => request);
    expect(echo('a', new Cancellation())).toBe('a');
    const thrower = retry<string, string>(rules, { clock })((request) => {
      throw request;
    });
    expect(() => thrower('final', new Cancellation())).toThrow('final');
    expect(clock.timers).toBe(0);
  });

  test('is retried if the rules say so, both a result and a throw', async () => {
    const clock = virtualClock();
    const script = ['empty', 'down', 'b'];
    const service = retry<string, string>(rules, { clock })(() => {
      const next = script.shift() ?? '';
      if (next === 'down') throw next;
      return next;
    });
    const answer = service('a', new Cancellation());
    await clock.advance(20);
    expect(await answer).toBe('b');
    expect(clock.timers).toBe(0);
  });

  test('and ends a retry by a throw, rejects the promise', async () => {
    const clock = virtualClock();
    const script = ['down', 'final'];
    const service = retry<string, string>(rules, { clock })(() => {
      throw script.shift();
    });
    const failure = Promise.resolve(service('a', new Cancellation())).catch((error: unknown) => error);
    await clock.advance(10);
    expect(await failure).toBe('final');
  });
});

describe('the deadline of the record (R4)', () => {
  test.each([
    [100, 1],
    [101, 2],
  ])(
    'of %i ms allows a wait of 100 ms %i call(s): a wait that cannot end before it is not begun',
    async (ms, calls) => {
      const it = scene(1, {}, ms);
      void it.ask();
      it.calls[0]?.reject('down');
      await it.clock.advance(0);
      expect(it.outcome()).toBe(calls === 1 ? 'down' : undefined);
      await it.clock.advance(100);
      expect(it.calls).toHaveLength(calls);
    },
  );

  test('costs no budget if it forbids the wait', async () => {
    const it = scene(1, {}, 50);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(0);
    expect(it.counts.permits).toBe(0);
  });
});

describe('a cancellation', () => {
  test('ends a wait with `cancelled` and its reason, and takes the timer with it', async () => {
    const it = scene(1);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(10);
    it.caller.cancel('gone');
    expect(leftovers(it)).toEqual(nothingLeft);
    await it.clock.advance(1000);
    expect(it.outcome()).toMatchObject({ code: 'cancelled', cause: 'gone' });
    expect(it.calls).toHaveLength(1);
  });

  test('with an error of its own ends a wait with that error', async () => {
    const it = scene(1);
    const error = new RecordError('timeout', 'the record took too long');
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(10);
    it.caller.cancel(error);
    await it.clock.advance(0);
    expect(it.outcome()).toBe(error);
  });

  test('makes the outcome of a running call final', async () => {
    const it = scene(1);
    void it.ask();
    it.caller.cancel('gone');
    it.calls[0]?.reject('down');
    await it.clock.advance(1000);
    expect([it.calls.length, it.outcome()]).toEqual([1, 'down']);
  });
});

describe('the end of the input (R6)', () => {
  test('turns a wait into one last call now, whose outcome is final', async () => {
    const it = scene(5);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(10);
    it.inputEnd.end();
    expect(it.calls.map(({ context, atMs }) => [context.attempt, atMs])).toEqual([
      [1, 0],
      [2, 10],
    ]);
    expect(leftovers(it)).toEqual(nothingLeft);
    it.calls[1]?.reject('still down');
    await it.clock.advance(1000);
    expect([it.calls.length, it.outcome()]).toEqual([2, 'still down']);
  });

  test('leaves a running call alone, and makes its outcome final', async () => {
    const it = scene(5);
    void it.ask();
    it.inputEnd.end();
    await it.clock.advance(0);
    expect(it.calls).toHaveLength(1);
    expect(it.calls[0]?.context.cancelled).toBe(false);
    it.calls[0]?.resolve('empty');
    await it.clock.advance(1000);
    expect([it.calls.length, it.outcome()]).toEqual([1, 'empty']);
  });

  test('and a cancellation at the same time make no call', async () => {
    const it = scene(5);
    it.inputEnd.onEnd(() => it.caller.cancel('failed'));
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(10);
    it.inputEnd.end();
    await it.clock.advance(1000);
    expect(it.calls).toHaveLength(1);
    expect(it.outcome()).toMatchObject({ code: 'cancelled' });
    expect(it.caller.waiting).toBe(0);
  });

  test('leaves the wait of a call alone that a record of another input shares, until that input ends too', async () => {
    const clock = virtualClock();
    const made: number[] = [];
    const rules = {
      ...plainRules,
      canRetry: () => true,
      onResult: () => false,
      onError: () => true,
      delayMs: () => 100,
    };
    const service = stack<string, string>(
      () => {
        made.push(clock.now());
        return Promise.reject(new RecordError('unreachable', 'down'));
      },
      new Coalesce<string, string>(
        (key) => key,
        () => 0.5,
      ).layer,
      retry<string, string>(rules, { clock }),
    );
    const inputs = [new InputEnd(), new InputEnd()] as const;
    const answers = inputs.map((input) => new Record(Infinity, 1, input).ask(service));
    await clock.advance(10);
    inputs[0].end();
    await clock.advance(40);
    expect(made).toEqual([0]);
    inputs[1].end();
    expect(made).toEqual([0, 50]);
    expect(await Promise.all(answers)).toMatchObject([{ code: 'unreachable' }, { code: 'unreachable' }]);
    expect(clock.timers).toBe(0);
  });
});

describe('races of Flink', () => {
  test('FLINK-30477 a timeout in a retry wait ends it: no call is made afterwards', async () => {
    const it = scene(10);
    void it.ask();
    it.calls[0]?.reject('down');
    await it.clock.advance(99);
    it.caller.cancel(new RecordError('timeout', 'the time of the record ran out'));
    await it.clock.advance(10_000);
    expect(it.calls).toHaveLength(1);
    expect(it.outcome()).toMatchObject({ code: 'timeout' });
    expect(leftovers(it)).toEqual(nothingLeft);
  });

  test('FLINK-38082 a failure that the timeout brings about is seen by no rule, and not tried again', async () => {
    const asked: unknown[] = [];
    const it = scene(10, { onError: (error) => asked.push(error) > 0 });
    void it.ask();
    it.calls[0]?.context.onCancel((reason) => it.calls[0]?.reject(reason));
    it.caller.cancel(new RecordError('timeout', 'the time of the record ran out'));
    await it.clock.advance(10_000);
    expect(it.calls).toHaveLength(1);
    expect(asked).toEqual([]);
    expect(it.outcome()).toMatchObject({ code: 'timeout' });
  });

  test.each(['the timer first', 'the timeout first'])(
    'FLINK-40456 a timeout in the very moment of the retry loses no outcome, %s',
    async (order) => {
      const it = scene(10);
      const timeOut = (): void => it.caller.cancel(new RecordError('timeout', 'the time of the record ran out'));
      if (order === 'the timeout first') it.clock.setTimer(100, timeOut);
      void it.ask();
      it.calls[0]?.reject('down');
      await it.clock.advance(0);
      if (order === 'the timer first') it.clock.setTimer(100, timeOut);
      await it.clock.advance(100);
      it.calls[1]?.reject('aborted');
      await it.clock.advance(10_000);
      expect(it.outcome()).toBeDefined();
      expect(it.calls).toHaveLength(order === 'the timer first' ? 2 : 1);
      expect(leftovers(it)).toEqual(nothingLeft);
    },
  );

  test('a late completion of an old attempt does not complete the newer one', async () => {
    const clock = virtualClock();
    const answers: ((value: string) => void)[] = [];
    const inner = timeout<string, string>({ timeoutMs: 50, clock })(
      () => new Promise((resolve) => void answers.push(resolve)),
    );
    const rules = {
      ...plainRules,
      canRetry: () => true,
      onResult: () => false,
      onError: () => true,
      delayMs: () => 10,
    };
    const answer = Promise.resolve(retry<string, string>(rules, { clock })(inner)('a', new Cancellation()));
    let seen: string | undefined;
    void answer.then((value) => (seen = value));
    await clock.advance(60);
    expect(answers).toHaveLength(2);
    answers[0]?.('of the first call');
    await clock.advance(1);
    expect(seen).toBeUndefined();
    answers[1]?.('of the second call');
    expect(await answer).toBe('of the second call');
  });
});

type Event = 'fail' | 'empty' | 'answer' | 'cancel' | 'end' | 'time';
const event = fc.constantFrom<Event>('fail', 'fail', 'empty', 'answer', 'cancel', 'end', 'time', 'time', 'time');

test('any events in any order leave one outcome, at most the allowed calls, and no timer or hook', async () => {
  const story = fc.record({
    retries: fc.nat(4),
    deadline: fc.constantFrom(150, 350, Infinity),
    events: fc.array(event, { maxLength: 25 }),
  });
  await fc.assert(
    fc.asyncProperty(story, async ({ retries, deadline, events }) => {
      const it = scene(retries, {}, deadline);
      let outcomes = 0;
      const count = (): void => void outcomes++;
      Promise.resolve(it.ask()).then(count, count);
      let ended = false;
      let cancelled = false;
      for (const next of [...events, 'time', 'answer', 'time', 'answer'] as const) {
        const before = it.calls.length;
        const { waiting } = it.caller;
        const call = it.calls.at(-1);
        if (next === 'fail') call?.reject('down');
        else if (next === 'empty') call?.resolve('empty');
        else if (next === 'answer') call?.resolve('b');
        else if (next === 'cancel') it.caller.cancel('gone');
        else if (next === 'end') it.inputEnd.end();
        await it.clock.advance(next === 'time' ? 100 : 0);
        const due = !ended && !cancelled && (next === 'time' || next === 'end') ? waiting : 0;
        expect(it.calls.length - before).toBe(due);
        ended ||= next === 'end';
        cancelled ||= next === 'cancel';
        expect(it.caller.waiting).toBe(it.clock.timers);
        expect(outcomes > 0 && it.clock.timers > 0).toBe(false);
      }
      expect(outcomes).toBe(1);
      expect(it.calls.length).toBeLessThanOrEqual(retries + 1);
      expect(it.calls.every(({ atMs }) => atMs < deadline)).toBe(true);
      expect(leftovers(it)).toEqual(nothingLeft);
    }),
    { numRuns: 150 },
  );
});
