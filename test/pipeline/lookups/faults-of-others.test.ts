import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { type VirtualClock, virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { lookupOf } from './opened.ts';

const always = { budget: { ratio: 1000 } };

/** Lets time pass in steps, each after the loop has nothing left to do, until the condition is true. */
async function passUntil(clock: VirtualClock, stepMs: number, holds: () => boolean): Promise<void> {
  for (let step = 0; !holds(); step++) {
    if (step > 10_000) throw new Error('the condition never became true');
    await turn();
    if (!holds()) await clock.advance(stepMs);
  }
}

/** Waits for what happens on the network, while the clock stands still. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** Faults that were reported to projects with the same layers. Each stack here is that of a service, over real HTTP. */
describe('a fault of another project is not one of Millrace:', () => {
  test('one backoff for all records, which the success of any of them resets (Benthos)', async () => {
    const clock = virtualClock();
    const failedAt: number[] = [];
    let succeeded = 0;
    const { ask } = await lookupOf(
      { retry: { attempts: 3, backoff: { initial: '100ms', multiplier: 2, jitter: 'none' }, ...always } },
      ({ url }, response) => {
        if (url === '/GOOD') succeeded++;
        else failedAt.push(clock.now());
        response.writeHead(url === '/GOOD' ? 200 : 503).end('{}');
      },
      clock,
    );
    const bad = ask(Infinity, 'BAD');
    for (const [calls, waitMs] of [100, 200, 400].entries()) {
      await until(() => failedAt.length === calls + 1 && clock.timers > 0);
      expect(await ask(Infinity, 'GOOD')).toMatchObject({ json: '{}' });
      await clock.advance(waitMs);
    }
    expect(await bad).toMatchObject({ code: 'bad_status', details: { attempts: 4 } });
    expect(failedAt).toEqual([0, 100, 300, 700]);
    expect(succeeded).toBe(3);
  });

  test('an adaptive limit that measures the whole chain of retries, with its waits (Vector 26123)', async () => {
    const clock = virtualClock();
    let calls = 0;
    const { ask, metrics } = await lookupOf(
      {
        concurrency: { adaptive: { min: 1, max: 10 } },
        retry: { attempts: 1, backoff: { initial: '1s', jitter: 'none' }, ...always },
      },
      (_, response) => response.writeHead(++calls % 2 === 1 ? 503 : 200).end('{}'),
      clock,
    );
    for (let record = 1; record <= 20; record++) {
      const answer = ask();
      await until(() => calls === 2 * record - 1 && clock.timers > 0);
      await clock.advance(1000);
      expect(await answer).toMatchObject({ json: '{}', attempts: 2 });
    }
    expect(clock.now()).toBe(20_000);
    // The clock stood still during each call.
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { concurrency: { roundTripMs: 0 } } } });
  });

  test('a call that was timed out and holds its slot for ever (flink-http 39)', async () => {
    const clock = virtualClock();
    const calls: (string | undefined)[] = [];
    const { ask } = await lookupOf(
      { concurrency: 1, timeout: '100ms' },
      ({ url }, response) => {
        calls.push(url);
        if (url === '/LATE') response.end('{}');
      },
      clock,
    );
    const hanging = ['A', 'B', 'C'].map((iata) => ask(Infinity, iata));
    const late = ask(Infinity, 'LATE');
    for (let ended = 1; ended <= 3; ended++) {
      await until(() => calls.length === ended);
      await clock.advance(100);
    }
    expect(await late).toMatchObject({ json: '{}' });
    expect(await Promise.all(hanging)).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'timeout' })));
    expect(calls).toEqual(['/A', '/B', '/C', '/LATE']);
  });

  test('a retry of a miss that the cache of misses answers (Flink 20531)', async () => {
    const clock = virtualClock();
    let calls = 0;
    const { ask } = await lookupOf(
      {
        cache: { ttl: '1m', negativeTtl: '1m' },
        retry: { attempts: 2, onMiss: true, backoff: { initial: '1s', max: '1s', jitter: 'none' }, ...always },
      },
      (_, response) => response.writeHead(++calls < 3 ? 404 : 200).end('{"arrived":true}'),
      clock,
    );
    const answer = ask();
    for (let missed = 1; missed <= 2; missed++) {
      await until(() => calls === missed && clock.timers > 0);
      await clock.advance(1000);
    }
    expect(await answer).toMatchObject({ json: '{"arrived":true}', attempts: 3 });
    expect(await ask()).toMatchObject({ json: '{"arrived":true}' });
    expect(calls).toBe(3);
  });

  test('equal keys of a batch, of which only one gets the answer (Beam 38035)', async () => {
    const bodies: string[] = [];
    const { ask } = await lookupOf(
      (origin) => ({
        batch: {
          maxSize: 5,
          linger: '1s',
          http: { method: 'POST', url: `${origin}/`, body: { codes: '{iata}' }, items: '/airports', key: '/iata' },
        },
      }),
      (request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (text: string) => (body += text));
        request.on('end', () => {
          bodies.push(body);
          response.end('{"airports":[{"iata":"B","n":2},{"iata":"A","n":1}]}');
        });
      },
      virtualClock(),
    );
    const answers = await Promise.all(['A', 'A', 'B', 'A', 'B', 'A', 'C', 'D', 'E'].map((iata) => ask(Infinity, iata)));
    const [a, b] = [{ json: '{"iata":"A","n":1}' }, { json: '{"iata":"B","n":2}' }];
    expect(answers.slice(0, 6)).toMatchObject([a, a, b, a, b, a]);
    expect(answers.slice(6).map((answer) => answer instanceof RecordError || answer.json)).toEqual(
      Array.from({ length: 3 }, () => undefined),
    );
    expect(bodies).toEqual(['{"codes":["A","B","C","D","E"]}']);
  });

  test('a throttle that does not count retries (Beam 31941)', async () => {
    const clock = virtualClock();
    const calledAt: number[] = [];
    const { ask } = await lookupOf(
      { rateLimit: { perSecond: 1, burst: 1 }, retry: { attempts: 1, backoff: { initial: '1ms', max: '1ms' } } },
      (_, response) => {
        calledAt.push(clock.now());
        response.writeHead(calledAt.length === 1 ? 503 : 200).end('{}');
      },
      clock,
    );
    const answer = ask();
    await until(() => clock.timers > 0);
    await clock.advance(1000);
    expect(await answer).toMatchObject({ json: '{}', attempts: 2 });
    expect(calledAt).toEqual([0, 1000]);
  });

  test('records that are retried for ever and stop the intake of all others', async () => {
    const clock = virtualClock();
    const { ask } = await lookupOf(
      {
        concurrency: 1,
        retry: { attempts: 1000, backoff: { initial: '100ms', max: '100ms', jitter: 'none' }, ...always },
      },
      ({ url }, response) => response.writeHead(url === '/GOOD' ? 200 : 503).end('{}'),
      clock,
    );
    const poisoned = Array.from({ length: 20 }, (_, n) => ask(60_000, `BAD${n}`));
    await until(() => clock.timers > 0);
    for (let n = 0; n < 5; n++) expect(await ask(60_000, 'GOOD')).toMatchObject({ json: '{}' });
    let ended = 0;
    for (const record of poisoned) void record.finally(() => ended++);
    await passUntil(clock, 1000, () => ended === poisoned.length);
    // Each has failed by the end of its own time, with its last failure.
    expect(clock.now()).toBeLessThanOrEqual(61_000);
    expect(await Promise.all(poisoned)).toMatchObject(poisoned.map(() => ({ code: 'bad_status' })));
  });

  test('a stampede of calls for a popular key when its answer expires', async () => {
    const clock = virtualClock();
    let calls = 0;
    const held: (() => void)[] = [];
    const { ask } = await lookupOf(
      { coalesce: true, cache: { ttl: '1s' } },
      (_, response) => {
        calls++;
        held.push(() => response.end('{}'));
      },
      clock,
    );
    for (let round = 1; round <= 3; round++) {
      const answers = Array.from({ length: 100 }, () => ask());
      await until(() => held.length === 1);
      held.pop()?.();
      expect(await Promise.all(answers)).toMatchObject(Array.from({ length: 100 }, () => ({ json: '{}' })));
      expect(calls).toBe(round);
      await clock.advance(1001);
    }
  });

  test('a record that leaves and fails the others with which it shared a call', async () => {
    const calls: (() => void)[] = [];
    const { ask } = await lookupOf({ coalesce: true }, (_, response) => void calls.push(() => response.end('{}')));
    const leader = new Cancellation();
    const first = ask(Infinity, 'SFO', leader);
    const followers = Array.from({ length: 10 }, () => ask());
    await until(() => calls.length === 1);
    leader.cancel(new RecordError('cancelled', 'its client has left'));
    expect(await first).toMatchObject({ code: 'cancelled' });
    calls[0]?.();
    expect(await Promise.all(followers)).toMatchObject(Array.from({ length: 10 }, () => ({ json: '{}' })));
    expect(calls).toHaveLength(1);
  });
});
