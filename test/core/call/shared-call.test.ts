import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { SharedCall } from '../../../src/core/call/shared-call.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import { type Layer, type Service, stack } from '../../../src/lookup/lookup.ts';
import { plainRules, retry } from '../../../src/lookup/retry/retry.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { Held, ignoring, outcomeOf, Record } from './sharing.ts';

/** Coalesces before `held`, with these layers between the two. */
function coalesced(held: Held, ...between: readonly Layer<string, string>[]): Service<string, string> {
  return stack(
    held.service,
    new Coalesce<string, string>(
      (key) => key,
      () => 0.5,
    ).layer,
    ...between,
  );
}

describe('a call that several callers wait for', () => {
  test('is made once, and its answer is that of every waiter', async () => {
    const held = new Held();
    const service = coalesced(held);
    const records = [new Record(), new Record(), new Record()];
    const answers = records.map((record) => record.ask(service));
    expect(held.calls).toHaveLength(1);
    held.calls[0]?.resolve('answer');
    expect(await Promise.all(answers)).toEqual(['answer', 'answer', 'answer']);
    expect(records.map(({ hooks }) => hooks)).toEqual([0, 0, 0]);
  });

  test('that fails, fails for every waiter with the same error', async () => {
    const held = new Held();
    const service = coalesced(held);
    const answers = [new Record(), new Record()].map((record) => record.ask(service));
    const error = new RecordError('bad_status', 'it answered 500');
    held.calls[0]?.reject(error);
    expect(await Promise.all(answers)).toEqual([error, error]);
  });

  test('goes on when the first of its waiters leaves, who alone gets the reason', async () => {
    const held = new Held();
    const service = coalesced(held);
    const [leader, follower] = [new Record(), new Record()];
    const answers = [leader.ask(service), follower.ask(service)];
    const reason = new RecordError('timeout', 'the time of the leader ran out');
    leader.cancel(reason);
    expect(await answers[0]).toBe(reason);
    expect(held.calls[0]?.context.cancelled).toBe(false);
    held.calls[0]?.resolve('answer');
    expect(await answers[1]).toBe('answer');
  });

  test('is cancelled when the last waiter has left, with the reason of that one', async () => {
    const held = new Held();
    const service = coalesced(held);
    const records = [new Record(), new Record(), new Record()];
    const answers = records.map((record) => record.ask(service));
    const reasons = records.map((_, index) => new RecordError('timeout', `the time of record ${index} ran out`));
    for (const index of [1, 0, 2]) records[index]?.cancel(reasons[index]);
    expect(await Promise.all(answers)).toEqual(reasons);
    expect(held.cancelledWith).toEqual([reasons[2]]);
    expect(records.map(({ hooks }) => hooks)).toEqual([0, 0, 0]);
    // The next request makes a call of its own.
    void new Record().ask(service);
    expect(held.calls).toHaveLength(2);
  });

  test('is cancelled once its only waiter was cancelled before it began to wait', async () => {
    const held = new Held();
    const record = new Record();
    record.cancel('gone');
    expect(await record.ask(coalesced(held))).toMatchObject({ code: 'cancelled', cause: 'gone' });
    expect(held.cancelledWith).toEqual(['gone']);
  });

  test('has two waiters of one record, and is not cancelled before both have left', async () => {
    const held = new Held();
    const service = coalesced(held);
    const record = new Record();
    const answers = [record.ask(service), record.ask(service)];
    record.cancel('gone');
    expect(await Promise.all(answers)).toMatchObject([{ code: 'cancelled' }, { code: 'cancelled' }]);
    expect(held.cancelledWith).toEqual(['gone']);
  });

  test('has as its deadline the latest one of those who wait at that moment', () => {
    const call = new SharedCall();
    const [early, late, later] = [new Record(100), new Record(200), new Record(300)];
    void outcomeOf(call, early);
    expect(call.deadline).toBe(100);
    const waits = [late, later].map((record) => outcomeOf(call, record).catch((error: unknown) => error));
    expect(call.deadline).toBe(300);
    later.cancel('gone');
    expect(call.deadline).toBe(200);
    // The clock of a record may start only when its call begins.
    early.deadline = 250;
    expect(call.deadline).toBe(250);
    expect(waits).toHaveLength(2);
  });

  test('is of the oldest waiter, and of an input that has not ended if any waiter has one', () => {
    const call = new SharedCall();
    const inputs = [new InputEnd(), new InputEnd(), new InputEnd()];
    const records = inputs.map((input, index) => new Record(Infinity, index + 1, input));
    for (const record of records) void outcomeOf(call, record).catch(() => {});
    expect([call.attempt, call.inputEnd]).toEqual([1, inputs[0]]);
    records[0]?.cancel('gone');
    expect([call.attempt, call.inputEnd]).toEqual([2, inputs[1]]);
    inputs[1]?.end();
    expect([call.inputEnd === inputs[2], call.inputEnd.ended]).toEqual([true, false]);
    inputs[2]?.end();
    expect(call.inputEnd.ended).toBe(true);
  });
});

describe('the waits of a shared call', () => {
  test('at a limit are those of every waiter, from joining to leaving', async () => {
    const held = new Held();
    const hooks: (() => void)[] = [];
    const gate = { open: false, whenOpen: (hook: () => void) => void hooks.push(hook) };
    const service = coalesced(held, new Limit<string, string>(gate).layer);
    const [first, second, third] = [new Record(), new Record(), new Record()];
    const answers = [first.ask(service), second.ask(service)];
    expect([first.limitWaits, second.limitWaits]).toEqual([1, 1]);
    first.cancel('gone');
    expect([first.limitWaits, second.limitWaits]).toEqual([0, 1]);
    gate.open = true;
    hooks[0]?.();
    expect([second.limitWaits, second.began, first.began]).toEqual([0, 1, 0]);
    // The call of one that joins now has begun already: its clock starts.
    answers.push(third.ask(service));
    expect([third.limitWaits, third.began]).toEqual([0, 1]);
    held.calls[0]?.resolve('answer');
    expect(await Promise.all(answers)).toMatchObject([{ code: 'cancelled' }, 'answer', 'answer']);
  });

  test('end with the calls that have begun, for a waiter that joins later as well, and a refused one does not count', () => {
    const [first, second, third] = [new Record(), new Record(), new Record()];
    const [shared, part] = [new SharedCall(), new SharedCall(true)];
    shared.join(first, ignoring);
    part.join(first, ignoring);
    shared.callBegins();
    shared.callRefused();
    shared.callBegins();
    shared.callBegins();
    part.callBegins();
    shared.join(second, ignoring);
    part.callRefused();
    part.join(third, ignoring);
    expect([first.began, second.began, third.began, shared.began, part.began]).toEqual([2, 2, 0, true, false]);
  });

  test('at a limit end for the last waiter, whose leaving cancels it', async () => {
    const gate = { open: false, whenOpen() {} };
    const service = coalesced(new Held(), new Limit<string, string>(gate).layer);
    const record = new Record();
    const answer = record.ask(service);
    expect(record.limitWaits).toBe(1);
    record.cancel('gone');
    expect(record.limitWaits).toBe(0);
    expect(await answer).toMatchObject({ code: 'cancelled' });
  });

  test('before a retry are those of every waiter, and its retries do not end with the input of another', async () => {
    const clock = virtualClock();
    const held = new Held();
    const rules = { ...plainRules, canRetry: () => true, onResult: () => false, onError: () => true };
    const again = retry<string, string>({ ...rules, delayMs: () => 100 }, { clock });
    const service = coalesced(held, again, timeout<string, string>({ timeoutMs: 50, clock }));
    const ended = new InputEnd();
    const [first, second] = [new Record(Infinity, 1, ended), new Record(Infinity, 1, new InputEnd())];
    const answers = [first.ask(service), second.ask(service)];
    ended.end();
    await clock.advance(50);
    expect([first.retries, second.retries]).toEqual([1, 1]);
    first.cancel('gone');
    expect([first.retries, second.retries]).toEqual([0, 1]);
    await clock.advance(100);
    expect([second.retries, held.calls.length]).toEqual([0, 2]);
    held.calls[1]?.resolve('answer');
    expect(await Promise.all(answers)).toMatchObject([{ code: 'cancelled' }, 'answer']);
    expect(clock.timers).toBe(0);
  });
});
