import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/core/time/time.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { fetch } from './fetched.ts';
import { Downstream, records, start, type Started } from './start.ts';
import { openStream } from './stream-client.ts';

/** A service whose lookup `slow` makes `connections` calls at a time, and the other system, which holds them all. */
async function startSlow(pipeline: object, connections: number, clock?: Clock): Promise<Started & { far: Downstream }> {
  const far = new Downstream();
  onTestFinished(() => far.close());
  far.hold = true;
  const url = `http://127.0.0.1:${await far.listen()}/{key}`;
  const started = await start({
    ...(clock && { clock }),
    lookups: { slow: { http: { url, connections } } },
    pipeline: { enrich: [{ lookup: 'slow', with: { key: '/key' }, into: '/a' }], ...pipeline },
  });
  return { ...started, far };
}

/** Answers all held calls. Returns the name of each call's stream: the part of its key before the dash. */
function answerHeld(far: Downstream): string[] {
  return far.held.splice(0).map((call) => {
    call.answer(1);
    return call.key.split('-')[0] ?? '';
  });
}

/** Sends a stream of records whose keys begin with its name; resolves with the response. */
async function stream(url: string, name: string, count: number, query = ''): Promise<string> {
  const client = await openStream(`${url}/v1/enrich/test${query}`);
  client.end(Array.from({ length: count }, (_, n) => `{"key":"${name}-${n}"}\n`).join(''));
  await client.complete();
  return client.text;
}

/** The number of calls up to the last one of each stream: the time at which the stream was done. */
function doneAt(calls: readonly string[]): Map<string, number> {
  return new Map(calls.map((name, place) => [name, place + 1]));
}

test('many streams on one slow lookup all finish, at about the same time, and no record fails (C7)', async () => {
  const clock = virtualClock();
  const { far, url, heard } = await startSlow({ timeout: '2s', capacity: 50 }, 20, clock);
  const names = Array.from({ length: 100 }, (_, n) => `s${n}`);
  const bodies = Promise.all(names.map((name) => stream(url, name, 100)));
  const calls: string[] = [];
  let highest = 0;
  // Each call takes 10 ms, all together 5 s: more than twice the time of a record.
  while (calls.length < 10_000) {
    await far.until(() => far.held.length >= 20);
    await clock.advance(10);
    highest = Math.max(highest, far.held.length);
    calls.push(...answerHeld(far));
  }
  for (const [place, body] of (await bodies).entries()) {
    expect(body).toBe(Array.from({ length: 100 }, (_, n) => `{"key":"${names[place]}-${n}","a":1}\n`).join(''));
  }
  expect([calls.length, highest]).toEqual([10_000, 20]);
  const done = [...doneAt(calls).values()].toSorted((one, other) => one - other);
  expect(done.at(-1)).toBeLessThanOrEqual(1.5 * (done[50] ?? 0));
  expect(heard.backpressure).toContain('limit');
}, 120_000);

test('a stream of capacity 10,000 gets no more than its share beside 40 small streams', async () => {
  const { far, url, heard } = await startSlow({ allow: { capacity: 10_000 } }, 4);
  const large = stream(url, 'large', 8000, '?capacity=10000&mode=unordered');
  const calls: string[] = [];
  const answerUntil = async (count: number): Promise<void> => {
    while (calls.length < count) {
      await far.until(() => far.held.length >= 4);
      calls.push(...answerHeld(far));
    }
  };
  await answerUntil(100);
  const names = Array.from({ length: 40 }, (_, n) => `s${n}`);
  const small = Promise.all(names.map((name) => stream(url, name, 20)));
  // The records of all streams wait for a call.
  while (heard.recordsIn < 8800) await turn();
  await answerUntil(8800);
  await small;
  const smallDone = Math.max(...names.map((name) => doneAt(calls).get(name) ?? Infinity));
  const before = calls.slice(0, smallDone);
  const first = before.findIndex((name) => name !== 'large');
  const ofLarge = before.slice(first).filter((name) => name === 'large').length;
  // The large stream has one turn in 41 while all streams wait.
  expect(ofLarge).toBeLessThan(20 * 8);
  expect((await large).trimEnd().split('\n')).toHaveLength(8000);
}, 120_000);

test('with concurrency, one stream of capacity 10,000 and 99 small ones each get their share (±20 %)', async () => {
  const far = new Downstream();
  onTestFinished(() => far.close());
  far.hold = true;
  const farUrl = `http://127.0.0.1:${await far.listen()}/{key}`;
  const { url, heard } = await start({
    lookups: { slow: { http: { url: farUrl }, concurrency: 25 } },
    pipeline: {
      enrich: [{ lookup: 'slow', with: { key: '/key' }, into: '/a' }],
      allow: { capacity: 10_000 },
      mode: 'unordered',
    },
  });
  const names = Array.from({ length: 99 }, (_, n) => `s${n}`);
  const bodies = [
    stream(url, 'large', 10_000, '?capacity=10000'),
    ...names.map((name) => stream(url, name, 60, '?capacity=60')),
  ];
  // The records of all streams run or wait, before the first answer.
  while (heard.recordsIn < 10_000 + 99 * 60) await turn();
  let highest = 0;
  const answerMore = async (): Promise<string[]> => {
    await far.until(() => far.held.length >= 25);
    highest = Math.max(highest, far.held.length);
    return answerHeld(far);
  };
  // The calls that began before the others came are those of the streams that came first.
  await answerMore();
  const calls: string[] = [];
  while (calls.length < 50 * 100) calls.push(...(await answerMore()));
  const counts = new Map(['large', ...names].map((name) => [name, 0]));
  for (const name of calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  expect([Math.min(...counts.values()) >= 40, Math.max(...counts.values()) <= 60, highest]).toEqual([true, true, 25]);
  expect(heard.backpressure.every((reason) => reason === 'limit')).toBe(true);
  far.hold = false;
  answerHeld(far);
  const ends = await Promise.all(bodies);
  expect(ends.map((body) => body.trimEnd().split('\n').length)).toEqual([10_000, ...names.map(() => 60)]);
}, 120_000);

test('if a client leaves while its calls wait, its calls are aborted and no waiting call is made', async () => {
  const { url, downstream, heard, streams } = await start({ pipeline: { capacity: 1000 } });
  downstream.hold = true;
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(Array.from({ length: 1000 }, (_, n) => `{"key":"${n}"}\n`).join(''));
  await downstream.until(() => downstream.held.length === 256);
  const calls = downstream.calls;
  client.leave();
  await heard.until(() => heard.outcomes.length === 1);
  await downstream.until(() => downstream.aborted === 256);
  expect([downstream.calls, streams.size]).toEqual([calls, 0]);
});

test('a single record whose call cannot begin within its timeout is answered 503 with Retry-After', async () => {
  const clock = virtualClock();
  const far = new Downstream();
  onTestFinished(() => far.close());
  const farUrl = `http://127.0.0.1:${await far.listen()}/{key}`;
  const { url, heard } = await start({
    clock,
    lookups: { single: { http: { url: farUrl, connections: 1 } } },
    pipeline: { timeout: '0s', enrich: [{ lookup: 'single', with: { key: '/key' }, into: '/a' }] },
  });
  far.hold = true;
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(1));
  await far.until(() => far.held.length === 1);
  const post = (timeout: string): Promise<Response> =>
    fetch(`${url}/v1/enrich/test?timeout=${timeout}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key":"2"}',
    });
  const refused = post('300ms');
  while (heard.recordsIn < 2) await turn();
  await turn();
  await clock.advance(300);
  const answer = await refused;
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await answer.json()).toMatchObject({ code: 'overloaded', lookup: 'single' });
  expect(far.calls).toBe(1);
  // If its call has begun, the other system is the reason: 504.
  far.held[0]?.answer(1);
  const late = post('300ms');
  await far.until(() => far.held.length === 2);
  await clock.advance(300);
  expect([(await late).status, far.calls]).toEqual([504, 2]);
  client.leave();
});
