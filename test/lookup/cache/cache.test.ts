import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { RawJson } from '../../../src/lookup/lookup.ts';
import { cached, fill, outcome } from './cached.ts';

const unavailable = new RecordError('bad_status', '503', { status: 503, attempts: 3 });

describe('an answer that is fresh', () => {
  test('is returned again without a call and without a promise, with the source cache', async () => {
    const it = cached({ maxEntries: 10, ttl: '5m' });
    await fill(it, 'SFO', '{"city":"San Francisco"}');
    expect(it.ask('SFO')).toMatchObject({ json: '{"city":"San Francisco"}', source: 'cache', attempts: 0 });
    expect(it.ask('SFO')).toBe(it.ask('SFO'));
    expect(it.calls).toHaveLength(1);
  });

  test('is used until its last millisecond, and the next request calls again', async () => {
    const it = cached({ ttl: '10s' });
    await fill(it, 'SFO', '1');
    await it.clock.advance(9999);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'cache' });
    await it.clock.advance(1);
    await fill(it, 'SFO', '2');
    expect(it.ask('SFO')).toMatchObject({ json: '2' });
  });

  test('lives from its arrival, however long the call took', async () => {
    const it = cached({ ttl: '10s' });
    const answer = it.ask('SFO');
    await it.clock.advance(8000);
    it.last.answer('1');
    await answer;
    await it.clock.advance(9999);
    expect(it.ask('SFO')).toMatchObject({ source: 'cache' });
  });

  test('does not become old without a ttl', async () => {
    const it = cached({ maxEntries: 1 });
    await fill(it, 'SFO', '1');
    await it.clock.advance(1e12);
    expect(it.ask('SFO')).toMatchObject({ source: 'cache' });
  });

  test('of a lookup that answers at once is kept as well, and the first one is from the call', () => {
    const it = cached({ ttl: '1s' });
    let calls = 0;
    it.says = () => String(++calls);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'call', attempts: 1 });
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'cache', attempts: 0 });
  });
});

describe('a call that fails, while another one of its key has stored an answer that is fresh,', () => {
  test('gets that answer if staleIfError allows it, with the source cache', async () => {
    const it = cached({ ttl: '10s', staleIfError: '1h' });
    const [failing, other] = [it.ask('SFO'), it.ask('SFO')];
    it.calls[1]?.answer('1');
    await other;
    it.calls[0]?.fail(unavailable);
    expect(await failing).toMatchObject({ json: '1', source: 'cache', attempts: 3 });
    expect(it.counts()).toMatchObject({ hit: 1, miss: 1, stale: 0 });
  });
});

describe('the cache does not keep', () => {
  test('a failure: the next request calls again', async () => {
    const it = cached({ ttl: '1h', negativeTtl: '1h' });
    for (const calls of [1, 2]) {
      const failing = outcome(() => it.ask('SFO'));
      it.last.fail(unavailable);
      expect(await failing).toBe(unavailable);
      expect(it.calls).toHaveLength(calls);
    }
    expect(it.counts()).toMatchObject({ miss: 2, entries: 0 });
  });

  test('a failure that is thrown at once', async () => {
    const it = cached({ ttl: '1h' });
    it.says = () => {
      throw unavailable;
    };
    expect(await outcome(() => it.ask('SFO'))).toBe(unavailable);
    it.says = () => '1';
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'call' });
  });

  test('a miss, by default', async () => {
    const it = cached({ ttl: '1h' });
    await fill(it, 'XXX', undefined);
    await fill(it, 'XXX', undefined);
    expect(it.counts()).toMatchObject({ miss: 2, negative: 0, entries: 0 });
  });
});

describe('a miss', () => {
  test('is returned again for negativeTtl, at once', async () => {
    const it = cached({ ttl: '1h', negativeTtl: '30s' });
    await fill(it, 'XXX', undefined);
    await it.clock.advance(29_999);
    expect(it.ask('XXX')).toMatchObject({ json: undefined, source: 'cache', attempts: 0 });
    await it.clock.advance(1);
    await fill(it, 'XXX', '1');
    expect(it.counts()).toMatchObject({ negative: 1, hit: 0, miss: 2 });
  });

  test.each(['0s', '1m'])('ends what was known before, with negativeTtl %s', async (negativeTtl) => {
    const it = cached({ ttl: '10s', negativeTtl, staleIfError: '1h', staleWhileRevalidate: '1s' });
    await fill(it, 'SFO', '1');
    await it.clock.advance(20_000);
    await fill(it, 'SFO', undefined);
    await it.clock.advance(60_000);
    const failing = outcome(() => it.ask('SFO'));
    it.last.fail(unavailable);
    expect(await failing).toBe(unavailable);
  });
});

describe('a full cache', () => {
  test('evicts the answer that was not used for longest, and counts it', async () => {
    const it = cached({ maxEntries: 2, ttl: '1h' });
    await fill(it, 'a', '1');
    await fill(it, 'b', '2');
    expect(it.ask('a')).toMatchObject({ source: 'cache' });
    await fill(it, 'c', '3');
    expect(it.counts()).toMatchObject({ entries: 2, evictions: 1 });
    expect(it.ask('a')).toMatchObject({ source: 'cache' });
    expect(it.ask('c')).toMatchObject({ source: 'cache' });
    await fill(it, 'b', '2');
  });

  test('of one entry holds the last one', async () => {
    const it = cached({ maxEntries: 1 });
    for (const key of ['a', 'b', 'c']) await fill(it, key, `"${key}"`);
    expect(it.ask('c')).toMatchObject({ json: '"c"', source: 'cache' });
    expect(it.counts()).toMatchObject({ entries: 1, evictions: 2 });
  });

  test('replaces an answer without evicting another', async () => {
    const it = cached({ maxEntries: 1, ttl: '1s' });
    await fill(it, 'a', '1');
    await it.clock.advance(1000);
    await fill(it, 'a', '2');
    expect(it.counts()).toMatchObject({ entries: 1, evictions: 0 });
  });
});

test('requests with the same arguments in another order are the same, those of another type are not', async () => {
  const it = cached({ ttl: '1h' });
  const first = it.ask({ iata: 'SFO', day: 1 });
  it.last.answer('1');
  await first;
  expect(it.ask({ day: 1, iata: 'SFO' })).toMatchObject({ source: 'cache' });
  for (const other of ['1', true, new RawJson('1.5')]) void it.ask({ iata: 'SFO', day: other });
  expect(it.calls).toHaveLength(4);
});

test('numbers that are sent with different characters share no entry', async () => {
  const it = cached({ ttl: '1h' });
  const spellings = [1, new RawJson('1.0'), new RawJson('1.00'), new RawJson('1e0'), -0, 0];
  for (const id of spellings) void it.ask({ id });
  expect(it.calls).toHaveLength(spellings.length);
});

test('a number of a record and the same one of the configuration share an entry', async () => {
  const it = cached({ ttl: '1h' });
  const first = it.ask({ id: new RawJson('1.5') });
  it.last.answer('1');
  await first;
  expect(it.ask({ id: 1.5 })).toMatchObject({ source: 'cache' });
});

test('an answer never replaces one from a later call', async () => {
  const it = cached({ ttl: '1h' });
  const early = it.ask('SFO');
  const slow = it.last;
  await it.clock.advance(1);
  await fill(it, 'SFO', '"new"');
  slow.answer('"old"');
  expect(await early).toMatchObject({ json: '"old"', source: 'call' });
  expect(it.ask('SFO')).toMatchObject({ json: '"new"' });
});

describe('staleWhileRevalidate', () => {
  const options = { ttl: '10s', staleWhileRevalidate: '5s' };

  test('returns the old answer at once, makes one call meanwhile, and then returns the new one', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(10_000);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'stale', attempts: 0 });
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'stale' });
    expect(it.calls).toHaveLength(2);
    it.last.answer('2');
    await it.clock.advance(0);
    expect(it.ask('SFO')).toMatchObject({ json: '2', source: 'cache' });
    expect(it.counts()).toMatchObject({ hit: 1, negative: 0, stale: 2, miss: 1, entries: 1, evictions: 0 });
  });

  test('is over at its end: then a record waits for its own call', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(15_000);
    expect(it.ask('SFO')).toBeInstanceOf(Promise);
    it.last.answer('2');
  });

  test('begins another call with the next request if the call failed', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(10_000);
    void it.ask('SFO');
    it.last.fail(unavailable);
    await it.clock.advance(0);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'stale' });
    expect(it.calls).toHaveLength(3);
  });

  test('goes on after the record that began it has left, but not beyond the deadline of that record', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(10_000);
    const record = new Cancellation(it.clock.now() + 2000);
    void it.ask('SFO', record);
    const { context } = it.last;
    record.cancel(new Error('the client has gone'));
    expect(context.cancelled).toBe(false);
    expect(context.deadline).toBe(12_000);
    await it.clock.advance(2000);
    expect(context.cancelled).toBe(true);
    expect(it.clock.timers).toBe(0);
    expect(it.ask('SFO')).toMatchObject({ source: 'stale' });
    expect(it.calls).toHaveLength(3);
  });

  test('leaves no timer when its call has ended', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(10_000);
    void it.ask('SFO', new Cancellation(it.clock.now() + 60_000));
    expect(it.clock.timers).toBe(1);
    it.last.answer('2');
    await it.clock.advance(0);
    expect(it.clock.timers).toBe(0);
  });

  test('of a lookup that answers at once has the new answer for the next request', async () => {
    const it = cached(options);
    let said = '1';
    it.says = () => said;
    void it.ask('SFO');
    await it.clock.advance(10_000);
    said = '2';
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'stale' });
    expect(it.ask('SFO')).toMatchObject({ json: '2', source: 'cache' });
  });
});

describe('staleIfError', () => {
  const options = { ttl: '10s', staleIfError: '60s' };

  test('returns the old answer instead of a failure, with the number of calls', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(30_000);
    const answer = outcome(() => it.ask('SFO'));
    it.last.fail(unavailable);
    expect(await answer).toMatchObject({ json: '1', source: 'stale', attempts: 3 });
    expect(it.counts()).toMatchObject({ stale: 1, miss: 1 });
  });

  test('holds up to its end, counted when the failure comes', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(69_999);
    const answer = outcome(() => it.ask('SFO'));
    await it.clock.advance(1);
    it.last.fail(unavailable);
    expect(await answer).toBe(unavailable);
  });

  test.each([
    ['a status of 404', new RecordError('bad_status', 'no', { status: 404 }), false],
    ['a status of 401', new RecordError('bad_status', 'no', { status: 401 }), false],
    ['a status of 429', new RecordError('bad_status', 'later', { status: 429 }), true],
    ['a status of 500', new RecordError('bad_status', 'broken', { status: 500 }), true],
    ['no connection', new RecordError('unreachable', 'refused'), true],
    ['the time of the attempt', new RecordError('timeout', 'too long'), true],
    ['an answer that is no JSON', new RecordError('bad_response', 'no JSON', { status: 200 }), true],
    ['an argument that cannot be sent', new RecordError('missing_argument', 'no'), false],
  ])('after %s: a failure that is about the record is passed on', async (_, failure, spared) => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(30_000);
    const answer = outcome(() => it.ask('SFO'));
    it.last.fail(failure);
    expect(await answer).toMatchObject(spared ? { json: '1', source: 'stale' } : { code: failure.code });
  });

  test('of 0 replaces no failure, though another call of the key has stored a fresh answer', async () => {
    const it = cached({ ttl: '10s', maxEntries: 2 });
    await fill(it, 'LAX', 'l');
    const failing = outcome(() => it.ask('SFO'));
    const { last } = it;
    await fill(it, 'SFO', '1');
    expect(it.ask('LAX')).toMatchObject({ json: 'l' });
    last.fail(unavailable);
    expect(await failing).toBe(unavailable);
    // The failure was no use of the answer for SFO: it is evicted first.
    await fill(it, 'JFK', 'j');
    expect(it.ask('LAX')).toMatchObject({ json: 'l', source: 'cache' });
  });

  test('returns no old answer to a record that has left', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(30_000);
    const record = new Cancellation();
    const answer = outcome(() => it.ask('SFO', record));
    const gone = new RecordError('cancelled', 'the client has gone');
    record.cancel(gone);
    expect(await answer).toBe(gone);
  });
});

test('a cache that is closed cancels its refreshes, and has no answers', async () => {
  const it = cached({ ttl: '10s', staleWhileRevalidate: '1m' });
  await fill(it, 'SFO', '1');
  await it.clock.advance(10_000);
  void it.ask('SFO', new Cancellation(it.clock.now() + 60_000));
  it.cache.close();
  expect(it.last.context.cancelled).toBe(true);
  expect(it.clock.timers).toBe(0);
  expect(it.counts().entries).toBe(0);
});

test('a short answer does not keep the body that it was selected from', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const it = cached({ ttl: '1h' });
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  // A larger text would not be on the heap.
  const bodyBytes = 1 << 19;
  for (let key = 0; key < 50; key++) {
    const body = Buffer.alloc(bodyBytes, 'x').toString('latin1');
    it.says = () => body.slice(20, 120);
    void it.ask(body.slice(0, 100) + String(key));
  }
  it.says = undefined;
  expect(it.counts().entries).toBe(50);
  expect(used() - before).toBeLessThan(10 * bodyBytes);
});

/** The bytes of an entry whose argument has one character, without its answer. */
const entryBytes = 300 + '3:keys1:a'.length;

describe('maxBytes', () => {
  test('counts the characters of arguments and answers, two bytes each beyond Latin-1', async () => {
    const it = cached({ maxBytes: '1MiB', ttl: '1h' });
    await fill(it, 'a', '"1234"');
    expect(it.counts().bytes).toBe(entryBytes + 6);
    await fill(it, 'b', '"é"');
    await fill(it, 'c', '"日本"');
    expect(it.counts().bytes).toBe(3 * entryBytes + 6 + 3 + 8);
    it.cache.close();
    expect(it.counts().bytes).toBe(0);
  });

  test('removes the answers that were not used for longest, as many as a new one needs', async () => {
    const it = cached({ maxBytes: 2000, ttl: '1h' });
    for (const key of ['a', 'b', 'c', 'd']) await fill(it, key, '1');
    expect(it.counts()).toMatchObject({ entries: 4, evictions: 0 });
    expect(it.ask('a')).toMatchObject({ source: 'cache' });
    await fill(it, 'e', `"${'x'.repeat(1100)}"`);
    expect(it.counts()).toMatchObject({ entries: 2, evictions: 3 });
    expect(it.counts().bytes).toBeLessThanOrEqual(2000);
    expect(it.ask('a')).toMatchObject({ source: 'cache' });
    expect(it.ask('e')).toMatchObject({ source: 'cache' });
  });

  test('a larger answer is not held, and the one that it would replace is removed', async () => {
    const it = cached({ maxBytes: 1024, ttl: '1s' });
    await fill(it, 'a', '1');
    await it.clock.advance(1000);
    await fill(it, 'a', `"${'x'.repeat(1100)}"`);
    expect(it.counts()).toMatchObject({ entries: 0, bytes: 0, evictions: 0 });
  });

  test('holds when an answer is replaced by a longer one', async () => {
    const it = cached({ maxBytes: 1024, ttl: '1s' });
    await fill(it, 'a', '1');
    await fill(it, 'b', '1');
    await it.clock.advance(1000);
    await fill(it, 'b', `"${'x'.repeat(600)}"`);
    expect(it.counts()).toMatchObject({ entries: 1, evictions: 1 });
  });
});

describe('refreshAhead', () => {
  const options = { ttl: '10s', refreshAhead: '2s' };

  test('fetches an answer in frequent use before it becomes old, while it is used: no record waits', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    for (const _ of [1, 2]) void it.ask('SFO');
    await it.clock.advance(7999);
    expect(it.ask('SFO')).toMatchObject({ source: 'cache' });
    expect(it.calls).toHaveLength(1);
    await it.clock.advance(1);
    for (const _ of [1, 2, 3]) expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'cache', attempts: 0 });
    expect(it.calls).toHaveLength(2);
    it.last.answer('2');
    await it.clock.advance(2000);
    expect(it.ask('SFO')).toMatchObject({ json: '2', source: 'cache' });
    expect(it.counts()).toMatchObject({ hit: 7, miss: 1, stale: 0 });
  });

  test('makes no call for an answer that is used seldom', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(9000);
    for (const _ of [1, 2]) void it.ask('SFO');
    expect(it.calls).toHaveLength(1);
    void it.ask('SFO');
    expect(it.calls).toHaveLength(2);
  });

  test('leaves the answer as it is if the call fails', async () => {
    const it = cached(options);
    await fill(it, 'SFO', '1');
    await it.clock.advance(9000);
    for (const _ of [1, 2, 3]) void it.ask('SFO');
    it.last.fail(unavailable);
    await it.clock.advance(999);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'cache' });
  });

  test('makes no call for a miss', async () => {
    const it = cached({ ...options, negativeTtl: '10s' });
    await fill(it, 'XXX', undefined);
    await it.clock.advance(9000);
    for (const _ of [1, 2, 3, 4]) void it.ask('XXX');
    expect(it.calls).toHaveLength(1);
  });
});

describe('an answer that comes after its record has left', () => {
  const left = new RecordError('timeout', 'the time of the record ran out');

  test('is stored: the call goes on, and the next record has its answer', async () => {
    const it = cached({ ttl: '10s' });
    const record = new Cancellation(100);
    const answer = outcome(() => it.ask('SFO', record));
    record.cancel(left);
    expect(await answer).toBe(left);
    expect(it.last.context.cancelled).toBe(false);
    // No retry begins for it.
    expect(it.last.context.deadline).toBe(-Infinity);
    it.last.answer('1');
    await it.clock.advance(0);
    expect(it.ask('SFO')).toMatchObject({ json: '1', source: 'cache' });
    expect(it.counts()).toMatchObject({ miss: 1, late: 1, hit: 1 });
  });

  test('leaves the record in no batch, so that the batches of others do not count it as one that waits', async () => {
    class BatchedRecord extends Cancellation {
      batches = 0;

      override inBatch(delta: 1 | -1): void {
        this.batches += delta;
      }
    }
    const it = cached({ ttl: '10s' });
    const record = new BatchedRecord();
    const answer = outcome(() => it.ask('SFO', record));
    it.last.context.inBatch(1);
    expect(record.batches).toBe(1);
    record.cancel(left);
    expect(await answer).toBe(left);
    expect(record.batches).toBe(0);
    it.last.context.inBatch(-1);
    it.last.answer('1');
    await it.clock.advance(0);
    expect(record.batches).toBe(0);
    expect(it.counts()).toMatchObject({ late: 1 });
  });

  test('is not waited for if its call has not begun: the call is cancelled', async () => {
    const it = cached({ ttl: '10s' });
    it.waits = true;
    const record = new Cancellation();
    const answer = outcome(() => it.ask('SFO', record));
    record.cancel(left);
    expect(await answer).toBe(left);
    expect(it.last.context.cancelled).toBe(true);
  });

  test('is not waited for if calls have no time of their own', async () => {
    const it = cached({ ttl: '10s' }, false);
    const record = new Cancellation();
    const answer = outcome(() => it.ask('SFO', record));
    record.cancel(left);
    expect(await answer).toBe(left);
    expect(it.last.context.cancelled).toBe(true);
  });

  test('and fails is forgotten', async () => {
    const it = cached({ ttl: '10s' });
    const record = new Cancellation();
    const answer = outcome(() => it.ask('SFO', record));
    record.cancel(left);
    it.last.fail(unavailable);
    expect(await answer).toBe(left);
    await it.clock.advance(0);
    expect(it.counts()).toMatchObject({ miss: 1, late: 0, entries: 0 });
  });

  test('is cancelled when the lookup closes', async () => {
    const it = cached({ ttl: '10s' });
    const record = new Cancellation();
    const answer = outcome(() => it.ask('SFO', record));
    record.cancel(left);
    it.cache.close();
    expect(await answer).toBe(left);
    expect(it.last.context.cancelled).toBe(true);
    expect(it.counts().late).toBe(0);
  });
});
