import { createServer, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { Downstream, listen, records, start, type Started } from './start.ts';
import { WireClient } from './wire-client.ts';

/** Answers each call after a while; the part of the key before the dash names the stream that it is for. */
class SlowEnd {
  readonly calls: string[] = [];
  running = 0;
  highest = 0;
  readonly #server = createServer((request, response) => {
    this.calls.push(request.url?.slice(1).split('-')[0] ?? '');
    this.running++;
    this.highest = Math.max(this.highest, this.running);
    setTimeout(() => {
      this.running--;
      response.end('1');
    }, this.#delayMs);
  });
  readonly #delayMs: number;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  listen(): Promise<number> {
    onTestFinished(() => void this.#server.close());
    return listen(this.#server);
  }
}

async function startBefore(end: SlowEnd, pipeline: object, connections: number): Promise<Started> {
  const url = `http://127.0.0.1:${await end.listen()}/{key}`;
  return start({
    lookups: { slow: { http: { url, connections } } },
    pipeline: { enrich: [{ lookup: 'slow', with: { key: '/key' }, into: '/a' }], ...pipeline },
  });
}

/** Sends a stream of records whose keys begin with its name; resolves with what comes back. */
function stream(port: number, name: string, count: number, query = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, path: `/v1/enrich/test${query}`, method: 'POST', agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    sent.on('error', reject);
    sent.end(Array.from({ length: count }, (_, n) => `{"key":"${name}-${n}"}\n`).join(''));
  });
}

/** Calls that the other end had seen when the last one of each stream came: the time at which the stream was done. */
function doneAt(calls: readonly string[]): Map<string, number> {
  return new Map(calls.map((name, place) => [name, place + 1]));
}

test('many streams on one slow lookup all finish, at about the same time, and no record fails (C7)', async () => {
  const end = new SlowEnd(10);
  // All together it takes at least 5 s, more than twice the time of a record.
  const { port, heard } = await startBefore(end, { timeout: '2s', capacity: 50 }, 20);
  const names = Array.from({ length: 100 }, (_, n) => `s${n}`);
  const bodies = await Promise.all(names.map((name) => stream(port, name, 100)));
  names.forEach((name, place) => {
    expect(bodies[place]).toBe(Array.from({ length: 100 }, (_, n) => `{"key":"${name}-${n}","a":1}\n`).join(''));
  });
  expect([end.calls.length, end.highest]).toEqual([10_000, 20]);
  const done = [...doneAt(end.calls).values()].toSorted((one, other) => one - other);
  expect(done.at(-1)).toBeLessThanOrEqual(1.5 * (done[50] ?? 0));
  expect(heard.backpressure).toContain('limit');
}, 120_000);

test('a stream of capacity 10,000 has no more than its share beside 40 small ones', async () => {
  const end = new SlowEnd(1);
  const { port } = await startBefore(end, { allow: { capacity: 10_000 } }, 4);
  const large = stream(port, 'large', 8000, '?capacity=10000&mode=unordered');
  while (end.calls.length < 100) await turn();
  const names = Array.from({ length: 40 }, (_, n) => `s${n}`);
  await Promise.all(names.map((name) => stream(port, name, 20)));
  const smallDone = Math.max(...names.map((name) => doneAt(end.calls).get(name) ?? Infinity));
  const before = end.calls.slice(0, smallDone);
  const first = before.findIndex((name) => name !== 'large');
  const ofLarge = before.slice(first).filter((name) => name === 'large').length;
  // One turn in 41 while all of them wait; more of them only when the small ones come and go one by one.
  expect(ofLarge).toBeLessThan(20 * 8);
  expect((await large).trimEnd().split('\n')).toHaveLength(8000);
}, 120_000);

test('a client that goes away while its calls wait leaves nothing behind', async () => {
  const { port, downstream, heard, streams } = await start({ pipeline: { capacity: 1000 } });
  downstream.hold = true;
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(Array.from({ length: 1000 }, (_, n) => `{"key":"${n}"}\n`).join(''));
  await downstream.until(() => downstream.held.length === 256);
  const calls = downstream.calls;
  client.socket.destroy();
  await heard.until(() => heard.outcomes.length === 1);
  await downstream.until(() => downstream.aborted === 256);
  expect([downstream.calls, streams.size]).toEqual([calls, 0]);
});

test('a single record whose call cannot begin within its timeout is answered 503, and may come again', async () => {
  const clock = virtualClock();
  const far = new Downstream();
  onTestFinished(() => far.close());
  const url = `http://127.0.0.1:${await far.listen()}/{key}`;
  const { port, url: service } = await start({
    clock,
    lookups: { single: { http: { url, connections: 1 } } },
    pipeline: { timeout: '0s', enrich: [{ lookup: 'single', with: { key: '/key' }, into: '/a' }] },
  });
  far.hold = true;
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await far.until(() => far.held.length === 1);
  const post = (timeout: string): Promise<Response> =>
    fetch(`${service}/v1/enrich/test?timeout=${timeout}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key":"2"}',
    });
  const refused = post('300ms');
  while (clock.timers < 2) await turn();
  await clock.advance(300);
  const answer = await refused;
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await answer.json()).toMatchObject({ code: 'overloaded', lookup: 'single' });
  expect(far.calls).toBe(1);
  // One whose call has begun is the other system's business: 504.
  far.held[0]?.answer(1);
  const late = post('300ms');
  await far.until(() => far.held.length === 2);
  await clock.advance(300);
  expect([(await late).status, far.calls]).toEqual([504, 2]);
  client.socket.destroy();
});
