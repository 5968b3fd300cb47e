import { describe, expect, test, vi } from 'vitest';
import type { CallContext } from '../../src/core/call/call-context.ts';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import type { RecordError } from '../../src/core/errors.ts';
import { timeout } from '../../src/lookup/timeout.ts';
import type { Service } from '../../src/lookup/lookup.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';

interface Held {
  readonly context: CallContext;
  readonly resolve: (value: string) => void;
  readonly reject: (error: unknown) => void;
}

function held(timeoutMs: number): {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly calls: Held[];
  readonly service: Service<string, string>;
} {
  const clock = virtualClock();
  const calls: Held[] = [];
  const inner: Service<string, string> = (_, context) =>
    new Promise((resolve, reject) => void calls.push({ context, resolve, reject }));
  return { clock, calls, service: timeout<string, string>({ timeoutMs, clock })(inner) };
}

const echo: Service<string, string> = (request) => request;

describe('the time of an attempt', () => {
  test('when it is over fails the call, and cancels the inner call with the same error', async () => {
    const { clock, calls, service } = held(500);
    const caller = new Cancellation();
    const answer = Promise.resolve(service('a', caller));
    const reasons: unknown[] = [];
    calls[0]?.context.onCancel((reason) => reasons.push(reason));
    const failure = answer.catch((error: unknown) => error);
    await clock.advance(499);
    expect(calls[0]?.context.cancelled).toBe(false);
    await clock.advance(1);
    expect(await failure).toMatchObject({ code: 'timeout', message: expect.stringContaining('500 ms') });
    expect(reasons).toEqual([await failure]);
    expect(caller.cancelled).toBe(false);
  });

  test('leaves an earlier answer as it is', async () => {
    const { clock, calls, service } = held(500);
    const answer = service('a', new Cancellation());
    calls[0]?.resolve('b');
    expect(await answer).toBe('b');
    await clock.advance(1000);
    expect(calls[0]?.context.cancelled).toBe(false);
  });

  test('leaves no timer behind', async () => {
    const { clock, calls, service } = held(500);
    const setTimer = vi.spyOn(clock, 'setTimer');
    const answers = Array.from({ length: 100 }, async () => service('a', new Cancellation()));
    expect(setTimer).toHaveBeenCalledTimes(1);
    for (const call of calls) call.resolve('b');
    await Promise.all(answers);
    await clock.advance(1000);
    expect(setTimer).toHaveBeenCalledTimes(1);
  });

  test('leaves a late answer and a late failure without effect', async () => {
    const { clock, calls, service } = held(10);
    const failures = ['a', 'b'].map((name) =>
      Promise.resolve(service(name, new Cancellation())).catch((error: RecordError) => error.code),
    );
    await clock.advance(10);
    calls[0]?.resolve('late');
    calls[1]?.reject(new Error('late'));
    expect(await Promise.all(failures)).toEqual(['timeout', 'timeout']);
  });

  test('is the deadline of the inner call, unless the record has less time', () => {
    const { calls, service } = held(500);
    void service('a', new Cancellation());
    void service('b', new Cancellation(200, 3));
    expect(calls.map(({ context }) => [context.deadline, context.attempt])).toEqual([
      [500, 1],
      [200, 3],
    ]);
  });

  test('ends with the caller: a cancellation reaches the inner call', async () => {
    const { calls, service } = held(500);
    const caller = new Cancellation();
    const failure = Promise.resolve(service('a', caller)).catch((error: unknown) => error);
    caller.cancel('gone');
    expect(calls[0]?.context.cancelled).toBe(true);
    expect(await failure).toMatchObject({ code: 'cancelled', cause: 'gone' });
  });

  test('sets no timer for an answer that is there at once', () => {
    const clock = virtualClock();
    const setTimer = vi.spyOn(clock, 'setTimer');
    const service = timeout<string, string>({ timeoutMs: 10, clock })((request) => `${request}!`);
    expect(service('a', new Cancellation())).toBe('a!');
    expect(setTimer).not.toHaveBeenCalled();
  });

  test('of 0 is no bound', () => {
    expect(timeout<string, string>({ timeoutMs: 0, clock: virtualClock() })(echo)).toBe(echo);
  });
});
