import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import { Answer } from '../../src/lookup/lookup.ts';
import { added, batchedStream, doubled } from '../lookup/batch/batched.ts';
import { settled } from '../pipeline/harness.ts';

const unreachable = new RecordError('unreachable', 'connection refused');
const hourMs = 3_600_000;
/** Answers by itself with the double of each key. */
const answering = (options: Parameters<typeof batchedStream>[0] = {}) => {
  const it = batchedStream(options);
  it.far.reply = doubled;
  return it;
};

describe('AsyncBatchWaitOperatorTest', () => {
  test('AB-01 a full batch is sent at once, and the end of the input sends one that is not full', async () => {
    const { far, push, end } = answering();
    push(1, 2, 3, 4, 5);
    await settled();
    expect(far.sizes).toEqual([3]);
    await end();
    expect(far.sizes).toEqual([3, 2]);
  });

  test('AB-02 each record gets the answer of its own key', async () => {
    const { run, push, end } = answering();
    push(1, 2, 3, 4, 5);
    await end();
    expect(added(run.lines)).toEqual([2, 4, 6, 8, 10]);
  });

  test('AB-03 a failed call is the failure of every record of its batch, and of no other', async () => {
    const { far, run, push, end } = batchedStream({ batch: { maxSize: 2 } });
    push(1, 2, 3, 4);
    far.fail(0, unreachable);
    far.answer(1);
    await end();
    expect(added(run.lines)).toEqual(['unreachable', 'unreachable', 6, 8]);
    expect(run.lines[0]).toContain('connection refused');
  });

  test('AB-04 two batches of two are two calls, whenever they are answered', async () => {
    const { far, run, push, end } = batchedStream({ batch: { maxSize: 2 } });
    push(1, 2, 3, 4);
    await end();
    expect(far.batches).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    for (const { keys, resolve } of far.calls) resolve(keys.map((key) => new Answer(String(Number(key) * 3))));
    await settled();
    expect(added(run.lines)).toEqual([3, 6, 9, 12]);
  });

  test('AB-05 an input without records makes no call', async () => {
    const { far, run, end } = answering();
    await end();
    expect([far.calls, run.lines, run.summary?.read]).toEqual([[], [], 0]);
  });

  test('AB-06 a result of another number of values is the failure of the batch (departs: in Flink a batch may give any number)', async () => {
    const { far, run, push, end } = batchedStream();
    far.reply = (keys) => [new Answer(String(keys.reduce((sum, key) => sum + Number(key), 0)))];
    push(1, 2, 3, 4);
    await end();
    expect(far.sizes).toEqual([3, 1]);
    expect(added(run.lines)).toEqual(['bad_response', 'bad_response', 'bad_response', 4]);
    expect(run.lines[0]).toContain('3 requests have 1 answers');
  });

  test('AB-07 with maxSize 1 each record is a call', async () => {
    const { far, push, end } = answering({ batch: { maxSize: 1 } });
    push(1, 2, 3);
    await end();
    expect(far.sizes).toEqual([1, 1, 1]);
  });

  test('AB-08 linger sends a batch that is not full', async () => {
    const { far, push, clock } = answering({ batch: { maxSize: 10, linger: 50 } });
    push(1);
    await clock.advance(49);
    expect(far.sizes).toEqual([]);
    await clock.advance(2);
    expect(far.sizes).toEqual([1]);
  });

  test('AB-09 a batch that was full leaves no timer, and is sent once', async () => {
    const { far, push, clock } = answering({ batch: { maxSize: 2, linger: hourMs } });
    push(1, 2);
    expect(clock.timers).toBe(0);
    await clock.advance(hourMs + 1);
    expect(far.sizes).toEqual([2]);
  });

  test('AB-10 linger begins with the first record of each batch', async () => {
    const { far, push, clock } = answering({ batch: { maxSize: 10, linger: 100 } });
    push(1);
    await clock.advance(101);
    expect(far.sizes).toEqual([1]);
    await clock.advance(99);
    push(2, 3);
    await clock.advance(99);
    expect(far.sizes).toEqual([1]);
    await clock.advance(2);
    expect(far.sizes).toEqual([1, 2]);
  });

  test('AB-11 size and linger send batches in turn', async () => {
    const { far, push, clock } = answering({ batch: { maxSize: 3, linger: 100 } });
    push(1, 2, 3);
    await settled();
    expect(far.sizes).toEqual([3]);
    await clock.advance(200);
    push(4);
    await clock.advance(101);
    expect(far.sizes).toEqual([3, 1]);
    await clock.advance(99);
    push(5, 6, 7);
    await settled();
    expect(far.sizes).toEqual([3, 1, 3]);
  });

  test('AB-12 before its linger is over a batch is sent by the end of the input alone (departs: linger 0s sends at the end of the turn)', async () => {
    const { far, push, clock, end } = answering({ batch: { maxSize: 10, linger: hourMs } });
    push(1);
    await clock.advance(1_000_000);
    expect(far.sizes).toEqual([]);
    await end();
    expect(far.sizes).toEqual([1]);
    const without = answering({ batch: { maxSize: 10, linger: 0 } });
    without.push(1, 2);
    await settled();
    expect(without.far.sizes).toEqual([2]);
  });

  test('AB-13 the histogram of batch sizes counts each batch', async () => {
    const { push, end, scraped } = answering();
    push(1, 2, 3, 4, 5);
    await end();
    expect([await scraped('batch_size_count'), await scraped('batch_size_sum')]).toEqual([2, 5]);
  });

  test('AB-14 batches and their requests are counted', async () => {
    const { push, end, state } = answering();
    push(1, 2, 3, 4, 5, 6, 7);
    await end();
    expect(state()).toMatchObject({ batch: { batches: 3, requests: 7 } });
  });

  test('AB-15 the duration of a batch is that of one call', async () => {
    const { push, end, scraped } = answering();
    push(1, 2, 3);
    await end();
    expect(await scraped('lookup_duration_seconds_count')).toBe(1);
  });

  test('AB-16 a failed batch is one failed call', async () => {
    const { far, push, end, state } = batchedStream();
    far.reply = () => unreachable;
    push(1, 2, 3);
    await end();
    expect(state()).toMatchObject({ errors: 1 });
  });

  test('AB-17 the batches under way are a gauge', async () => {
    const { far, push, state } = batchedStream({ batch: { maxSize: 1 } });
    expect(state()).toMatchObject({ batch: { inFlight: 0 } });
    push(1);
    expect(state()).toMatchObject({ batch: { inFlight: 1, gathering: 0 } });
    far.answer(0);
    await settled();
    expect(state()).toMatchObject({ batch: { inFlight: 0 } });
  });

  test('AB-18 a batch that linger sent is measured like any other', async () => {
    const { push, clock, scraped } = answering({ batch: { linger: 50 } });
    push(1);
    await clock.advance(51);
    expect([await scraped('batch_size_count'), await scraped('lookup_duration_seconds_count')]).toEqual([1, 1]);
  });

  test('AB-19 several batches add up', async () => {
    const { push, clock, end, state, scraped } = answering({ batch: { maxSize: 3, linger: 100 } });
    push(1, 2, 3, 4);
    await clock.advance(101);
    push(5, 6, 7, 8, 9);
    await end();
    expect(state()).toMatchObject({ errors: 0, batch: { batches: 4, requests: 9 } });
    expect([await scraped('batch_size_count'), await scraped('lookup_duration_seconds_count')]).toEqual([4, 4]);
  });
});

describe('OrderedAsyncBatchWaitOperatorTest', () => {
  test('OAB-1 records are emitted in order, although the second batch is answered first', async () => {
    const { far, run, push, end } = batchedStream();
    push(1, 2, 3, 4, 5);
    await end();
    far.answer(1);
    await settled();
    expect(run.lines).toEqual([]);
    far.answer(0);
    await settled();
    expect(added(run.lines)).toEqual([2, 4, 6, 8, 10]);
  });

  test('OAB-2 three batches of two that are answered while they are sent are in order', async () => {
    const { run, push, end } = answering({ batch: { maxSize: 2 } });
    push(1, 2, 3, 4, 5, 6);
    await end();
    expect(added(run.lines)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  test('OAB-3 batches of different triggers are in order', async () => {
    const { far, run, push, clock, end } = answering({ batch: { maxSize: 3, linger: 100 } });
    push(1, 2, 3, 4);
    await clock.advance(101);
    push(5, 6, 7);
    await end();
    expect(far.sizes).toEqual([3, 1, 3]);
    expect(added(run.lines)).toEqual([2, 4, 6, 8, 10, 12, 14]);
  });

  test('OAB-4 a failed batch ends the stream with its cause, if onError is fail', async () => {
    const { far, run, push } = batchedStream({ pipeline: { onError: 'fail' } });
    far.reply = () => unreachable;
    push(1, 2, 3);
    await settled();
    expect(run.failure?.message).toContain('connection refused');
  });

  test('OAB-6 an empty ordered input makes no call', async () => {
    const { far, end } = answering({ pipeline: { mode: 'ordered' } });
    await end();
    expect(far.calls).toEqual([]);
  });

  test('OAB-7 batches of one keep the order of the input', async () => {
    const { run, push, end } = answering({ batch: { maxSize: 1 } });
    push(3, 1, 2);
    await end();
    expect(added(run.lines)).toEqual([6, 2, 4]);
  });

  test('OAB-8 an answer of several values stays with its record, in order (departs: Flink sums over the batch)', async () => {
    const { far, run, push, end } = batchedStream({ batch: { maxSize: 2 } });
    far.reply = (keys) => keys.map((key) => new Answer(`[${key},${key}]`));
    push(1, 2, 3, 4);
    await end();
    expect(added(run.lines)).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });

  test('OAB-9 twenty records in many batches are in order', async () => {
    const { run, push, end } = answering();
    const values = Array.from({ length: 20 }, (_, index) => index + 1);
    push(...values);
    await end();
    expect(added(run.lines)).toEqual(values.map((value) => value * 2));
  });
});

describe('AsyncBatchRetryAndTimeoutTest', () => {
  const fixed = { attempts: 3, backoff: { initial: '10ms', max: '10ms', multiplier: 1, jitter: 'none' } };
  const ten = { perSecond: 100 };

  test('ABR-1 the records of a failed batch are called again together after the delay', async () => {
    const it = batchedStream({
      batch: { maxSize: 2 },
      retry: { ...fixed, budget: ten },
      pipeline: { timeout: 10_000 },
    });
    it.far.reply = (keys, call) => (call <= 2 ? unreachable : doubled(keys));
    it.push(1, 2);
    await it.clock.advance(20);
    await it.end();
    expect(it.far.sizes).toEqual([2, 2, 2]);
    expect(added(it.run.lines)).toEqual([2, 4]);
    // Retries are counted by record.
    expect(it.state()).toMatchObject({ retries: 4 });
  });

  test('ABR-2 the delay grows for a batch as for a record', async () => {
    const backoff = { initial: '10ms', max: '100ms', multiplier: 2, jitter: 'none' };
    const it = batchedStream({
      batch: { maxSize: 2 },
      retry: { attempts: 3, backoff, budget: ten },
      pipeline: { timeout: 10_000 },
    });
    it.far.reply = (keys, call) => (call <= 2 ? unreachable : doubled(keys));
    it.push(1, 2);
    await it.clock.advance(10);
    expect(it.far.calls).toHaveLength(2);
    await it.clock.advance(19);
    expect(it.far.calls).toHaveLength(2);
    await it.clock.advance(1);
    expect(it.far.calls).toHaveLength(3);
  });

  test('ABR-4 a batch that always fails is called once and then as often as attempts allows', async () => {
    const it = batchedStream({
      batch: { maxSize: 2 },
      retry: { ...fixed, attempts: 2, budget: ten },
      pipeline: { timeout: 10_000 },
    });
    it.far.reply = () => unreachable;
    it.push(1, 2);
    await it.clock.advance(1000);
    await it.end();
    expect(it.far.calls).toHaveLength(3);
    expect(it.run.lines.map((line) => JSON.parse(line)._error)).toMatchObject([
      { code: 'unreachable', attempts: 3 },
      { code: 'unreachable', attempts: 3 },
    ]);
  });

  test('ABR-5 a failure that retry.on does not name is final', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, retry: fixed, pipeline: { timeout: 10_000 } });
    it.far.reply = () => new RecordError('bad_response', 'not JSON');
    it.push(1, 2);
    await it.clock.advance(1000);
    await it.end();
    expect(it.far.calls).toHaveLength(1);
    expect(it.state()).toMatchObject({ retries: 0 });
  });

  test('ABR-6 a batch that takes longer than the timeout of an attempt fails with timeout', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, timeoutMs: 50 });
    it.push(1, 2);
    await it.clock.advance(50);
    await it.end();
    expect(added(it.run.lines)).toEqual(['timeout', 'timeout']);
    expect(it.far.cancelled).toHaveLength(1);
  });

  test('ABR-7 with onError drop a batch that timed out emits nothing', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, timeoutMs: 50, pipeline: { onError: 'drop' } });
    it.push(1, 2);
    await it.clock.advance(50);
    await it.end();
    expect(it.run.lines).toEqual([]);
    expect(it.run.summary).toMatchObject({ read: 2, dropped: 2 });
  });

  test('ABR-8 an answer before the timeout leaves no timer', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, timeoutMs: 50 });
    it.push(1, 2);
    await it.clock.advance(49);
    it.far.answer(0);
    await it.end();
    expect(added(it.run.lines)).toEqual([2, 4]);
    expect(it.clock.timers).toBe(0);
  });

  test('ABR-9 the timeout of the record ends a retry of its batch that hangs', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, retry: { ...fixed, budget: ten }, pipeline: { timeout: 100 } });
    it.push(1, 2);
    it.far.fail(0, unreachable);
    await it.clock.advance(10);
    expect(it.far.calls).toHaveLength(2);
    await it.clock.advance(90);
    await it.end();
    expect(added(it.run.lines)).toEqual(['timeout', 'timeout']);
    expect(it.far.cancelled).toHaveLength(1);
  });

  test('ABR-10 a retry that is answered before the timeout of the record succeeds', async () => {
    const it = batchedStream({ batch: { maxSize: 2 }, retry: { ...fixed, budget: ten }, pipeline: { timeout: 100 } });
    it.push(1, 2);
    it.far.fail(0, unreachable);
    await it.clock.advance(10);
    it.far.answer(1);
    await it.end();
    expect(added(it.run.lines)).toEqual([2, 4]);
    expect(it.far.calls).toHaveLength(2);
  });
});
