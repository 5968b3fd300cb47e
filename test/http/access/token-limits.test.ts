import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { enriched, records, start } from '../start.ts';
import { WireClient } from '../wire-client.ts';

const limited = 'limited-token-0123456789';
const free = 'another-token-0123456789';
const authWith = (limits: object, token = limited) => ({
  auth: { bearerTokens: [{ name: 'team-a', token, limits }, free] },
});

async function open(port: number, token: string): Promise<WireClient> {
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked', `Authorization: Bearer ${token}`);
  return client;
}

const post = (url: string, token: string, type: string, path = '/v1/enrich/test') =>
  fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: records(7),
  });

describe('limits.streams of a token', () => {
  test('bounds its streams, records and explanations, and no others', async () => {
    const { url, port, refusals } = await start({ server: authWith({ streams: 2 }) });
    const clients = [await open(port, limited), await open(port, limited)];
    for (const client of clients) client.chunk(records(1));
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
    clients[0]?.write('0\r\n\r\n');
    await clients[0]?.until('Millrace-Status: complete');
    expect(await (await post(url, limited, 'application/x-ndjson')).text()).toBe(enriched(7));
    for (const { socket } of clients) socket.destroy();
  });

  test('counts the streams of the token that had the name before a reload', async () => {
    const { url, port, replaceServer } = await start({ server: authWith({ streams: 1 }) });
    const client = await open(port, limited);
    client.chunk(records(1));
    await client.until(enriched(1));
    replaceServer(authWith({ streams: 1 }, 'rotated-token-0123456789'));
    expect((await post(url, 'rotated-token-0123456789', 'application/x-ndjson')).status).toBe(429);
    replaceServer(authWith({ streams: 2 }, 'rotated-token-0123456789'));
    expect((await post(url, 'rotated-token-0123456789', 'application/x-ndjson')).status).toBe(200);
    client.socket.destroy();
  });
});

describe('limits.recordsPerSecond of a token', () => {
  test('makes streams wait, and loses no record', async () => {
    const clock = virtualClock();
    const { port, heard, streams } = await start({ clock, checkMs: 1000, server: authWith({ recordsPerSecond: 2 }) });
    const client = await open(port, limited);
    client.chunk(records(1, 2, 3, 4));
    client.write('0\r\n\r\n');
    await client.until(enriched(1));
    await heard.until(() => heard.recordsOutSum === 1);
    expect(streams.describe()).toMatchObject([{ written: 1, backpressure: 'limit' }]);
    for (const sum of [2, 3, 4]) {
      await clock.advance(499);
      expect(heard.recordsIn).toBeLessThanOrEqual(sum);
      await clock.advance(1);
      await heard.until(() => heard.recordsOutSum === sum);
    }
    await client.until('Millrace-Status: complete');
    expect(client.received).toContain(enriched(1).trim());
    expect(client.received).toContain('Millrace-Read: 4\r\n');
    expect(new Set(heard.backpressure)).toEqual(new Set(['limit']));
    client.socket.destroy();
    expect(clock.timers).toBe(0);
  });

  test('is no reason to cut a stream as idle, and its end leaves nothing', async () => {
    const clock = virtualClock();
    const { port, heard } = await start({
      clock,
      checkMs: 1000,
      limits: { idleTimeout: '1s' },
      server: authWith({ recordsPerSecond: 1 }),
    });
    const [first, second] = [await open(port, limited), await open(port, limited)];
    first.chunk(records(1));
    await first.until(enriched(1));
    second.chunk(records(2, 3, 4, 5, 6, 7, 8, 9));
    await heard.until(() => heard.receivedBytes >= Buffer.byteLength(records(1, 2, 3, 4, 5, 6, 7, 8, 9)));
    first.write('0\r\n\r\n');
    await first.until('Millrace-Status: complete');
    await clock.advance(1000);
    await second.until(enriched(2));
    await clock.advance(1000);
    await second.until(enriched(3));
    expect(heard.outcomes).toEqual(['completed']);
    second.socket.destroy();
    await heard.until(() => heard.outcomes.length === 2);
    expect(heard.outcomes).toEqual(['completed', 'client_aborted']);
    expect(clock.timers).toBe(0);
    first.socket.destroy();
  });

  test('is answered with 429 and the time to wait if the record stands alone, or many streams wait already', async () => {
    const clock = virtualClock();
    const { url, port, heard, refusals } = await start({ clock, server: authWith({ recordsPerSecond: 1 }) });
    expect((await post(url, limited, 'application/json')).status).toBe(200);
    const alone = await post(url, limited, 'application/json');
    expect([alone.status, alone.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await alone.json()).toMatchObject({
      code: 'too_many_records',
      limit: 1,
      detail: 'token "team-a" has reached its rate (limits.recordsPerSecond: 1)',
    });
    // Each of these streams waits with one record: the next one would wait a second longer than the one before.
    const clients: WireClient[] = [];
    for (const key of [1, 2]) {
      const received = heard.receivedBytes;
      const client = await open(port, limited);
      client.chunk(records(key));
      clients.push(client);
      if (key === 1) await heard.until(() => heard.receivedBytes > received);
    }
    const [, second] = clients;
    await second?.until('\r\n\r\n');
    expect(second?.received).toMatch(/^HTTP\/1\.1 429 /);
    expect(second?.received).toMatch(/^retry-after: 2\r$/im);
    const stream = await post(url, limited, 'application/x-ndjson');
    expect([stream.status, stream.headers.get('retry-after')]).toEqual([429, '2']);
    const record = await post(url, limited, 'application/json');
    expect([record.status, record.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await post(url, free, 'application/json')).status).toBe(200);
    expect(refusals.toObject().too_many_records).toBe(4);
    for (const { socket } of clients) socket.destroy();
  });
});
