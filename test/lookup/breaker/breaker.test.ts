import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Broken, down } from './broken.ts';

describe('a breaker', () => {
  test('opens when half of the calls have failed, refuses at once, and says when the lookup is tried again', async () => {
    const broken = new Broken();
    await broken.calls(10, 'ok');
    await broken.calls(9, down);
    expect(broken.state).toBe('closed');
    await broken.calls(1, down);
    expect(broken.state).toBe('open');
    await broken.clock.advance(800);
    expect(await broken.ask('refused')).toMatchObject({
      code: 'breaker_open',
      message: 'the breaker is open, because 10 of 20 calls failed or were slow; the lookup is tried again every 5 s',
      details: { lookup: 'airport', retryAfterMs: 4200 },
    });
    await broken.clock.advance(100);
    expect(await broken.ask('later')).toMatchObject({
      message: expect.stringContaining('every 5 s'),
      details: { retryAfterMs: 4100 },
    });
    expect([broken.made.length, broken.refused, broken.clock.timers]).toEqual([20, ['refused', 'refused'], 0]);
  });

  test('forgets failures that are older than its window', async () => {
    const broken = new Broken({ window: '10s' });
    await broken.calls(19, down);
    await broken.clock.advance(10_000);
    await broken.calls(19, down);
    expect(broken.state).toBe('closed');
    await broken.calls(1, down);
    expect(broken.state).toBe('open');
  });

  test('opens for slow answers', async () => {
    const broken = new Broken({ slowerThan: '100ms', minimum: 2 });
    const answers = [broken.ask('a'), broken.ask('b')];
    await broken.clock.advance(101);
    await broken.answer('a', 'ok');
    expect(broken.state).toBe('closed');
    await broken.answer('b', 'ok');
    expect([await Promise.all(answers), broken.state]).toEqual([['A', 'B'], 'open']);
  });

  test('does not count the wait for a connection as a part of the call', async () => {
    const broken = new Broken({ slowerThan: '100ms', minimum: 1 }, 1);
    const answers = [broken.ask('a'), broken.ask('b')];
    await broken.clock.advance(90);
    await broken.answer('a', 'ok');
    await broken.clock.advance(90);
    await broken.answer('b', 'ok');
    expect([await Promise.all(answers), broken.state]).toEqual([['A', 'B'], 'closed']);
  });

  test('is not opened by records that are refused or missing, nor by clients that leave', async () => {
    const broken = new Broken({ minimum: 1 });
    for (const status of [400, 401, 404, 409, 410, 413, 422]) {
      // oxlint-disable-next-line no-await-in-loop
      await broken.calls(5, new RecordError('bad_status', 'not this one', { status }));
    }
    const leaving = new Cancellation();
    const answer = broken.ask('left', leaving);
    leaving.cancel(new RecordError('cancelled', 'the client is gone'));
    expect(await answer).toMatchObject({ code: 'cancelled' });
    expect([broken.state, broken.breaker.gauges().totals]).toEqual(['closed', { opened: 0 }]);
  });

  test('lets one call through after its open time, and closes if that succeeds', async () => {
    const broken = new Broken();
    await broken.calls(20, down);
    await broken.clock.advance(5000);
    expect(broken.state).toBe('half_open');
    const probe = broken.ask('probe');
    expect(await broken.ask('other')).toMatchObject({
      code: 'breaker_open',
      message: 'the breaker is half open: a call that tries the lookup is under way',
    });
    await broken.answer('probe', 'ok');
    expect([await probe, broken.state]).toEqual(['PROBE', 'closed']);
    // It begins anew: the failures from before are forgotten.
    await broken.calls(19, down);
    expect(broken.state).toBe('closed');
  });

  test('is open for another open time if the probe fails', async () => {
    const broken = new Broken();
    await broken.calls(20, down);
    await broken.clock.advance(5000);
    await broken.calls(1, down);
    expect(broken.state).toBe('open');
    await broken.clock.advance(4999);
    expect(broken.breaker.gauges().latest).toEqual({ openMs: 1 });
    expect(await broken.ask('early')).toMatchObject({ code: 'breaker_open' });
    await broken.clock.advance(1);
    await broken.calls(1, 'ok');
    expect([broken.state, broken.breaker.gauges().totals]).toEqual(['closed', { opened: 2 }]);
  });

  test('takes another probe if the client of the first one leaves', async () => {
    const broken = new Broken();
    await broken.calls(20, down);
    await broken.clock.advance(5000);
    const leaving = new Cancellation();
    const probe = broken.ask('probe', leaving);
    leaving.cancel(new RecordError('cancelled', 'the client is gone'));
    await probe;
    expect(broken.state).toBe('half_open');
    await broken.calls(1, 'ok');
    expect(broken.state).toBe('closed');
  });

  test('ignores calls that began before its state changed', async () => {
    const broken = new Broken({ minimum: 2 });
    const early = ['a', 'b', 'c', 'd'].map((request) => broken.ask(request));
    await broken.answer('a', down);
    await broken.answer('b', down);
    await broken.clock.advance(5000);
    const probe = broken.ask('probe');
    await broken.answer('c', down);
    expect(broken.state).toBe('half_open');
    await broken.answer('probe', 'ok');
    await broken.answer('d', down);
    expect(broken.state).toBe('closed');
    await Promise.all([...early, probe]);
  });
});

test('calls that wait for a connection when the breaker opens are refused at once, and are never made', async () => {
  const broken = new Broken({ minimum: 2 }, 2);
  const answers = Array.from({ length: 1000 }, (_, n) => broken.ask(String(n)));
  expect(broken.limit.waiting).toBe(998);
  await broken.answer('0', down);
  // One more has begun in the place of the first.
  await broken.answer('1', down);
  expect([broken.state, broken.limit.waiting]).toEqual(['open', 0]);
  // A new call is refused although no connection is free.
  expect(await broken.ask('new')).toMatchObject({ code: 'breaker_open' });
  await broken.answer('2', down);
  const codes = (await Promise.all(answers)).map((answer) => (answer instanceof RecordError ? answer.code : answer));
  expect(codes.filter((code) => code === 'breaker_open')).toHaveLength(997);
  expect(broken.made).toEqual(['0', '1', '2']);
});

describe('a breaker with whenOpen: wait', () => {
  test('lets records wait while it is open, tries with one of them, and goes on with all when that succeeds', async () => {
    const broken = new Broken({ whenOpen: 'wait' });
    await broken.calls(20, down);
    const answers = ['a', 'b', 'c'].map((request) => broken.ask(request));
    expect([broken.limit.waiting, broken.clock.timers]).toEqual([3, 1]);
    await broken.clock.advance(5000);
    expect([broken.made.slice(20), broken.limit.waiting, broken.state]).toEqual([['a'], 2, 'half_open']);
    await broken.answer('a', 'ok');
    expect([broken.made.slice(20), broken.state]).toEqual([['a', 'b', 'c'], 'closed']);
    await broken.answer('b', 'ok');
    await broken.answer('c', 'ok');
    expect([await Promise.all(answers), broken.refused, broken.clock.timers]).toEqual([['A', 'B', 'C'], [], 0]);
  });

  test.each([
    ['both gates', [0, 2]],
    ['the timer', [0, 0, 2]],
  ])('tries with a record whose gate is closed, and open when the clock is read again for %s', async (_, later) => {
    const still = virtualClock();
    let reads: readonly number[] = [];
    const now = (): number => {
      const [ms = 0, ...rest] = reads;
      reads = rest;
      return still.now() + ms;
    };
    const broken = new Broken({ whenOpen: 'wait', minimum: 1 }, 1000, { ...still, now });
    await broken.calls(1, down);
    await still.advance(4999);
    reads = later;
    const answers = [broken.ask('a'), broken.ask('b')];
    expect([reads, broken.limit.waiting]).toEqual([[], 2]);
    await still.advance(1);
    expect(broken.made.slice(1)).toEqual(['a']);
    await broken.answer('a', 'ok');
    await broken.answer('b', 'ok');
    expect([await Promise.all(answers), broken.limit.waiting, still.timers]).toEqual([['A', 'B'], 0, 0]);
  });

  test('goes on waiting if the probe fails: only that record fails', async () => {
    const broken = new Broken({ whenOpen: 'wait' });
    await broken.calls(20, down);
    const [first, second] = ['a', 'b'].map((request) => broken.ask(request));
    await broken.clock.advance(5000);
    await broken.answer('a', down);
    expect(await first).toMatchObject({ code: 'bad_status' });
    await broken.clock.advance(4999);
    expect(broken.made.slice(20)).toEqual(['a']);
    await broken.clock.advance(1);
    await broken.answer('b', 'ok');
    expect([await second, broken.state]).toEqual(['B', 'closed']);
  });

  test('tries with the next record if the client of the probe leaves', async () => {
    const broken = new Broken({ whenOpen: 'wait' });
    await broken.calls(20, down);
    const leaving = new Cancellation();
    const [first, second] = [broken.ask('a', leaving), broken.ask('b')];
    await broken.clock.advance(5000);
    leaving.cancel(new RecordError('cancelled', 'the client is gone'));
    await first;
    await broken.clock.advance(0);
    expect(broken.made.slice(20)).toEqual(['a', 'b']);
    await broken.answer('b', 'ok');
    expect(await second).toBe('B');
  });

  test('reports the wait as one at a limit, which is backpressure and does not start the clock of the record', async () => {
    const broken = new Broken({ whenOpen: 'wait' });
    await broken.calls(20, down);
    const reports: string[] = [];
    const context = new (class extends Cancellation {
      override limitWaiting(delta: 1 | -1): void {
        reports.push(`limit ${delta} at ${broken.clock.now()}`);
      }

      override callBegins(): void {
        reports.push(`begins at ${broken.clock.now()}`);
      }
    })();
    const answer = broken.ask('a', context);
    await broken.clock.advance(5000);
    await broken.answer('a', 'ok');
    expect([await answer, reports]).toEqual(['A', ['limit 1 at 0', 'limit -1 at 5000', 'begins at 5000']]);
  });

  test('leaves no timer when it is closed', async () => {
    const broken = new Broken({ whenOpen: 'wait' });
    await broken.calls(20, down);
    const answer = broken.ask('a');
    broken.limit.close();
    broken.breaker.close();
    expect([await answer, broken.clock.timers]).toMatchObject([{ code: 'cancelled' }, 0]);
  });
});
