import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Batcher } from '../../../src/lookup/batch/batcher.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { Record } from '../../core/call/sharing.ts';
import { settled } from '../../pipeline/harness.ts';
import { added, batchedStream, batching, doubled, refused } from './batched.ts';

describe('the requests of a batch', () => {
  test('are sent once if they are equal, and each caller gets the answer', async () => {
    const { far, ask } = batching();
    const answers = ['1', '1', '2', '1', '3'].map((key) => ask(key, new Record()));
    expect(far.batches).toEqual([['1', '2', '3']]);
    far.answer(0);
    expect(await Promise.all(answers)).toMatchObject(['2', '2', '4', '2', '6'].map((json) => ({ json })));
  });

  test('have their own outcomes: an answer, a miss and a failure', async () => {
    const { far, ask } = batching();
    const answers = ['1', '2', '3'].map((key) => ask(key, new Record()));
    far.call(0).resolve([new Answer('1'), new Answer(undefined), new RecordError('bad_response', 'not this one')]);
    expect(await Promise.all(answers)).toMatchObject([{ json: '1' }, { json: undefined }, { code: 'bad_response' }]);
  });

  test('wait for one timer together, and for none after the batch is sent', async () => {
    const { clock, far, ask } = batching({ maxSize: 100, linger: 5 });
    for (let key = 0; key < 50; key++) void ask(String(key), new Record());
    expect(clock.timers).toBe(1);
    await clock.advance(5);
    expect([far.sizes, clock.timers]).toEqual([[50], 0]);
  });

  test('wait no longer than linger, whenever they come: at low load a record is later by linger at most', async () => {
    const { clock, far, ask } = batching({ maxSize: 50, linger: 7 });
    far.reply = doubled;
    const waits: number[] = [];
    for (let at = 0; at < 40; at++) {
      const askedAt = clock.now();
      void ask(String(at), new Record()).then(() => waits.push(clock.now() - askedAt));
      // Intervals of 0 to 12 ms: some requests share a batch, others are alone.
      // oxlint-disable-next-line no-await-in-loop
      await clock.advance((at * 5) % 13);
    }
    await clock.advance(7);
    expect(waits).toHaveLength(40);
    expect(Math.max(...waits)).toBe(7);
  });

  test('fail with cancelled when the lookup closes before they are sent', async () => {
    const { clock, far, ask, batcher } = batching();
    const answer = ask('1', new Record());
    batcher.close();
    expect(await answer).toMatchObject({ code: 'cancelled' });
    expect([far.calls, clock.timers, batcher.gauges().now]).toEqual([[], 0, { gathering: 0, inFlight: 0 }]);
  });
});

describe('over maxInFlight', () => {
  test('requests gather up to maxSize, and report that they wait at a limit', async () => {
    const { clock, far, ask, batcher } = batching({ maxSize: 3, linger: 1, maxInFlight: 1 });
    for (const key of ['1', '2', '3']) void ask(key, new Record());
    const waiting = new Record();
    void ask('4', waiting);
    await clock.advance(1);
    expect([far.sizes, waiting.limitWaits, batcher.gauges().queued]).toEqual([[3], 1, 1]);
    // Its linger is over, but it gathers on.
    for (const key of ['5', '6', '7']) void ask(key, new Record());
    await clock.advance(1);
    expect(batcher.gauges().now).toEqual({ gathering: 4, inFlight: 1 });
    far.answer(0);
    await settled();
    expect([far.batches[1], waiting.limitWaits]).toEqual([['4', '5', '6'], 0]);
    far.answer(1);
    await settled();
    expect(far.batches[2]).toEqual(['7']);
  });

  test('a full batch is sent before one that gathers', async () => {
    const { clock, far, ask } = batching({ maxSize: 2, linger: 1, maxInFlight: 1 });
    for (let key = 1; key <= 7; key++) void ask(String(key), new Record());
    await clock.advance(1);
    for (let call = 0; call < 4; call++) {
      far.answer(call);
      // oxlint-disable-next-line no-await-in-loop
      await settled();
    }
    expect(far.batches).toEqual([['1', '2'], ['3', '4'], ['5', '6'], ['7']]);
  });

  test('a batch that was cancelled gives its place to the next one', async () => {
    const { far, ask } = batching({ maxSize: 1, maxInFlight: 1 });
    const first = new Record();
    void ask('1', first);
    void ask('2', new Record());
    first.cancel('client gone');
    await settled();
    expect(far.batches).toEqual([['1'], ['2']]);
  });
});

test('thousands of batches that wait are refused one after the other, without a call on the stack for each', async () => {
  let sent = 0;
  let end: ((error: RecordError) => void) | undefined;
  const batcher = new Batcher<string, string>(
    { maxSize: 1, linger: 0, maxInFlight: 1 },
    { clock: virtualClock(), observer: { batched() {} }, keyOf: (request) => request },
  );
  const call = batcher.over(() => {
    // As a breaker does that the failure of the first call has opened.
    if (sent++ > 0) throw new RecordError('breaker_open', 'the breaker is open');
    return new Promise((_, reject) => {
      end = reject;
    });
  });
  const ask = async (key: string): Promise<unknown> => {
    try {
      return await call(key, new Record());
    } catch (error) {
      return RecordError.from(error).code;
    }
  };
  const answers = Array.from({ length: 20_000 }, (_, n) => ask(String(n)));
  end?.(refused(503));
  expect(new Set((await Promise.all(answers)).slice(1))).toEqual(new Set(['breaker_open']));
  expect([sent, batcher.gauges().queued, batcher.gauges().now.inFlight]).toEqual([20_000, 0, 0]);
});

describe('a record that leaves', () => {
  test('before its batch is sent is not sent, and the others are', async () => {
    const { far, ask } = batching();
    const leaving = new Record();
    const left = ask('1', leaving);
    const others = [ask('2', new Record())];
    leaving.cancel(new RecordError('timeout', 'too late'));
    others.push(ask('3', new Record()));
    expect(await left).toMatchObject({ code: 'timeout' });
    expect(leaving.batches).toBe(0);
    expect(far.batches).toEqual([['2', '3']]);
    far.answer(0);
    expect(await Promise.all(others)).toMatchObject([{ json: '4' }, { json: '6' }]);
  });

  test('as the last one before its batch is sent leaves no call and no timer', async () => {
    const { clock, far, ask, batcher } = batching();
    const leaving = new Record();
    const left = ask('1', leaving);
    leaving.cancel('client gone');
    expect(await left).toMatchObject({ code: 'cancelled' });
    expect([far.calls, clock.timers, batcher.gauges().now.gathering, leaving.hooks]).toEqual([[], 0, 0, 0]);
  });

  test('during the call leaves it to the others, and the last one cancels it', async () => {
    const { far, ask } = batching({ maxSize: 2 });
    const [first, second] = [new Record(), new Record()];
    const answers = [ask('1', first), ask('2', second)];
    first.cancel('gone');
    expect(far.cancelled).toEqual([]);
    second.cancel('gone too');
    expect(far.cancelled).toEqual(['gone too']);
    expect(await Promise.all(answers)).toMatchObject([{ code: 'cancelled' }, { code: 'cancelled' }]);
  });
});

describe('a batch that is refused', () => {
  test.each([400, 413, 422])('with %i is split until the request is found, in log2 rounds', async (status) => {
    const { far, ask } = batching({ maxSize: 16, maxInFlight: 1 });
    far.reply = (keys) => (keys.includes('11') ? refused(status) : doubled(keys));
    const keys = Array.from({ length: 16 }, (_, key) => String(key));
    const answers = await Promise.all(keys.map((key) => ask(key, new Record())));
    expect(answers.map((answer) => (answer instanceof RecordError ? answer.details.status : answer.json))).toEqual(
      keys.map((key) => (key === '11' ? status : String(Number(key) * 2))),
    );
    expect(far.sizes.toSorted((one, other) => other - one)).toEqual([16, 8, 8, 4, 4, 2, 2, 1, 1]);
  });

  test('because its answer is too large comes in halves', async () => {
    const { far, ask } = batching({ maxSize: 4 });
    far.reply = (keys) => (keys.length > 2 ? new RecordError('response_too_large', 'too large') : doubled(keys));
    const answers = await Promise.all(['1', '2', '3', '4'].map((key) => ask(key, new Record())));
    expect(answers).toMatchObject(['2', '4', '6', '8'].map((json) => ({ json })));
    expect(far.sizes).toEqual([4, 2, 2]);
  });

  test('goes before batches that wait, and within maxInFlight', async () => {
    const { far, ask, batcher } = batching({ maxSize: 2, maxInFlight: 1 });
    for (const key of ['1', '2', '3', '4']) void ask(key, new Record());
    far.fail(0, refused(400));
    await settled();
    expect([far.batches, batcher.gauges()]).toEqual([
      [['1', '2'], ['1']],
      { queued: 2, totals: { batches: 2, requests: 3, splits: 1 }, now: { gathering: 3, inFlight: 1 } },
    ]);
    for (const call of [1, 2, 3]) {
      far.answer(call);
      // oxlint-disable-next-line no-await-in-loop
      await settled();
    }
    expect(far.batches).toEqual([['1', '2'], ['1'], ['2'], ['3', '4']]);
  });

  test('is not sent again for a record that has left, and its half is cancelled with its last record', async () => {
    const { far, ask } = batching({ maxSize: 2, maxInFlight: 1 });
    const [first, second] = [new Record(), new Record()];
    const answers = [ask('1', first), ask('2', second)];
    far.fail(0, refused(422));
    await settled();
    expect(far.batches).toEqual([['1', '2'], ['1']]);
    second.cancel('gone');
    first.cancel('gone');
    expect(await Promise.all(answers)).toMatchObject([{ code: 'cancelled' }, { code: 'cancelled' }]);
    await settled();
    expect([far.cancelled, far.calls.length]).toEqual([['gone'], 2]);
    expect([first.batches, second.batches, first.limitWaits, second.limitWaits]).toEqual([0, 0, 0, 0]);
  });

  test.each([500, 503, 429, 401])(
    'by any other status, %i, is not split: its failure is that of all',
    async (status) => {
      const { far, ask } = batching({ maxSize: 3 });
      far.reply = () => refused(status);
      const answers = await Promise.all(['1', '2', '3'].map((key) => ask(key, new Record())));
      expect(answers.map((answer) => (answer instanceof RecordError ? answer.details.status : 0))).toEqual([
        status,
        status,
        status,
      ]);
      expect(far.calls).toHaveLength(1);
    },
  );
});

describe('a batch waits for no company', () => {
  test('if the only stream has no free slot and all its records are in batches', async () => {
    const { far, push, clock } = batchedStream({ batch: { maxSize: 50 }, pipeline: { capacity: 4 } });
    push(1, 2, 3, 4, 5, 6);
    await settled();
    expect([far.batches, clock.timers]).toEqual([[['1', '2', '3', '4']], 0]);
    far.answer(0);
    await settled();
    // Two slots stay free, so that more records may come.
    expect(far.batches).toHaveLength(1);
  });

  test('if the input has ended, although other batches are under way', async () => {
    const { far, push, end } = batchedStream({ batch: { maxSize: 2 } });
    push(1, 2, 3);
    await settled();
    expect(far.batches).toEqual([['1', '2']]);
    await end();
    expect(far.batches).toEqual([['1', '2'], ['3']]);
  });

  test('and waits if a record of the stream is elsewhere: it may come', async () => {
    const { clock, far, ask } = batching({ maxSize: 50, linger: 3 });
    const input = new InputEnd();
    let underWay = 2;
    input.arrivals.decidedBy(() => underWay > 1);
    void ask('1', new Record(Infinity, 1, input));
    input.arrivals.changed();
    await settled();
    expect(far.calls).toEqual([]);
    underWay = 1;
    input.arrivals.changed();
    await settled();
    expect([far.sizes, clock.timers]).toEqual([[1], 0]);
  });

  test('and waits for linger if another stream of the batch may bring more', async () => {
    const { clock, far, ask } = batching({ maxSize: 50, linger: 3 });
    const ended = new InputEnd();
    ended.arrivals.decidedBy(() => false);
    void ask('1', new Record(Infinity, 1, ended));
    void ask('2', new Record(Infinity, 1, new InputEnd()));
    ended.arrivals.changed();
    await settled();
    expect(far.calls).toEqual([]);
    await clock.advance(3);
    expect(far.sizes).toEqual([2]);
  });

  test('a single record waits for linger: other requests may come', async () => {
    const { far, pipeline, clock } = batchedStream({ batch: { maxSize: 50, linger: 3 } });
    far.reply = doubled;
    const memory = { admit() {}, add() {}, close() {} };
    const one = pipeline.enrichOne('{"v":1}', pipeline.settings(), memory as never, new AbortController().signal);
    await settled();
    expect(far.calls).toEqual([]);
    await clock.advance(3);
    expect((await one).kind).toBe('enriched');
  });
});

describe('the clock of a record', () => {
  test('begins when its batch is sent: neither linger nor a wait for maxInFlight counts', async () => {
    const { far, run, push, clock, end } = batchedStream({
      batch: { maxSize: 2, linger: 1000, maxInFlight: 1 },
      pipeline: { timeout: 100 },
    });
    push(1);
    await clock.advance(1000);
    expect(far.sizes).toEqual([1]);
    push(2, 3);
    await clock.advance(90);
    far.answer(0);
    await settled();
    expect(far.sizes).toEqual([1, 2]);
    await clock.advance(90);
    far.answer(1);
    await end();
    expect(added(run.lines)).toEqual([2, 4, 6]);
  });

  test('ends the call of a batch only with the last record that waits for it', async () => {
    const { far, run, push, clock, end } = batchedStream({ batch: { maxSize: 2 }, pipeline: { timeout: 100 } });
    push(1, 2);
    await clock.advance(100);
    expect(far.cancelled).toHaveLength(1);
    await end();
    expect(added(run.lines)).toEqual(['timeout', 'timeout']);
  });
});
