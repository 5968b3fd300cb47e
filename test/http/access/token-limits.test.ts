import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { fetch } from '../fetched.ts';
import { enriched, records, start } from '../start.ts';
import { closeConnections } from '../shared-session.ts';
import { openStream, type StreamClient } from '../stream-client.ts';

const limited = 'limited-token-0123456789';
const free = 'another-token-0123456789';
const authWith = (limits: object, token = limited) => ({
  auth: { bearerTokens: [{ name: 'team-a', token, limits }, free] },
});

const open = (url: string, token: string): Promise<StreamClient> =>
  openStream(`${url}/v1/enrich/test`, { authorization: `Bearer ${token}` });

const post = (url: string, token: string, type: string, path = '/v1/enrich/test') =>
  fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: records(7),
  });

describe('limits.streams of a token', () => {
  test('bounds its streams, records and explanations, and no others', async () => {
    const { url, refusals } = await start({ server: authWith({ streams: 2 }) });
    const clients = [await open(url, limited), await open(url, limited)];
    for (const client of clients) client.send(records(1));
    await Promise.all(clients.map((client) => client.until(enriched(1))));
    for (const [type, path] of [
      ['application/x-ndjson', '/v1/enrich/test'],
      ['application/json', '/v1/enrich/test'],
      ['application/json', '/v1/explain/test'],
    ] as const) {
      const refused = await post(url, limited, type, path);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
      expect(await refused.json()).toMatchObject({
        code: 'too_many_streams',
        limit: 2,
        detail: 'token "team-a" has as many streams open as limits.streams of the token allows: 2',
      });
    }
    expect(refusals.toObject().too_many_streams).toBe(3);
    expect(await (await post(url, free, 'application/x-ndjson')).text()).toBe(enriched(7));
    clients[0]?.end();
    await clients[0]?.complete();
    expect(await (await post(url, limited, 'application/x-ndjson')).text()).toBe(enriched(7));
    for (const client of clients) client.leave();
  });

  test('counts the streams of the token that had the name before a reload', async () => {
    const { url, replaceServer } = await start({ server: authWith({ streams: 1 }) });
    const client = await open(url, limited);
    client.send(records(1));
    await client.until(enriched(1));
    replaceServer(authWith({ streams: 1 }, 'rotated-token-0123456789'));
    expect((await post(url, 'rotated-token-0123456789', 'application/x-ndjson')).status).toBe(429);
    replaceServer(authWith({ streams: 2 }, 'rotated-token-0123456789'));
    expect((await post(url, 'rotated-token-0123456789', 'application/x-ndjson')).status).toBe(200);
    client.leave();
  });
});

describe('limits.recordsPerSecond of a token', () => {
  test('makes streams wait, and loses no record', async () => {
    const clock = virtualClock();
    const { url, heard, streams } = await start({ clock, checkMs: 1000, server: authWith({ recordsPerSecond: 2 }) });
    const client = await open(url, limited);
    client.send(records(1, 2, 3, 4));
    client.end();
    await client.until(enriched(1));
    await heard.until(() => heard.recordsOutSum === 1);
    expect(streams.describe()).toMatchObject([{ written: 1, backpressure: 'limit' }]);
    for (const sum of [2, 3, 4]) {
      await clock.advance(499);
      expect(heard.recordsIn).toBeLessThanOrEqual(sum);
      await clock.advance(1);
      await heard.until(() => heard.recordsOutSum === sum);
    }
    expect(await client.complete()).toMatchObject({ 'millrace-read': '4' });
    expect(client.text).toBe(enriched(1, 2, 3, 4));
    expect(new Set(heard.backpressure)).toEqual(new Set(['limit']));
    await closeConnections(url);
    while (clock.timers > 0) await turn();
  });

  test('is no reason to cut a stream as idle, and its end leaves nothing', async () => {
    const clock = virtualClock();
    const { url, heard } = await start({
      clock,
      checkMs: 1000,
      limits: { idleTimeout: '1s' },
      server: authWith({ recordsPerSecond: 1 }),
    });
    const [first, second] = [await open(url, limited), await open(url, limited)];
    first.send(records(1));
    await first.until(enriched(1));
    second.send(records(2, 3, 4, 5, 6, 7, 8, 9));
    await heard.until(() => heard.receivedBytes >= Buffer.byteLength(records(1, 2, 3, 4, 5, 6, 7, 8, 9)));
    first.end();
    await first.complete();
    await clock.advance(1000);
    await second.until(enriched(2));
    await clock.advance(1000);
    await second.until(enriched(3));
    expect(heard.outcomes).toEqual(['completed']);
    second.leave();
    await heard.until(() => heard.outcomes.length === 2);
    expect(heard.outcomes).toEqual(['completed', 'client_aborted']);
    await closeConnections(url);
    while (clock.timers > 0) await turn();
  });

  test('is answered with 429 and the time to wait if the record stands alone, or many streams wait already', async () => {
    const clock = virtualClock();
    const { url, heard, refusals } = await start({ clock, server: authWith({ recordsPerSecond: 1 }) });
    expect((await post(url, limited, 'application/json')).status).toBe(200);
    const alone = await post(url, limited, 'application/json');
    expect([alone.status, alone.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await alone.json()).toMatchObject({
      code: 'too_many_records',
      limit: 1,
      detail: 'token "team-a" has reached its rate (limits.recordsPerSecond: 1)',
    });
    // Each of these streams waits with one record: the next one would wait a second longer than the one before.
    const clients: StreamClient[] = [];
    for (const key of [1, 2]) {
      const received = heard.receivedBytes;
      const client = await open(url, limited);
      client.send(records(key));
      clients.push(client);
      if (key === 1) await heard.until(() => heard.receivedBytes > received);
    }
    const [, second] = clients;
    expect(await second?.answered()).toBe(429);
    expect(second?.headers['retry-after']).toBe('2');
    const stream = await post(url, limited, 'application/x-ndjson');
    expect([stream.status, stream.headers.get('retry-after')]).toEqual([429, '2']);
    const record = await post(url, limited, 'application/json');
    expect([record.status, record.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await post(url, free, 'application/json')).status).toBe(200);
    expect(refusals.toObject().too_many_records).toBe(4);
    for (const client of clients) client.leave();
  });
});
