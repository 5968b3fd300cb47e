import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { enriched, records, start, type StartOptions } from './start.ts';
import { reset } from './spoken.ts';
import { WireClient } from './wire-client.ts';

/** A whole request. */
function requestOf(body: string, ...headers: readonly string[]): string {
  const lines = ['POST /v1/enrich/test HTTP/1.1', 'Host: localhost', `Content-Length: ${Buffer.byteLength(body)}`];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

const json = 'Content-Type: application/json';

async function open(options: StartOptions = {}) {
  const started = await start({ pipeline: { timeout: '0s' }, ...options });
  started.downstream.hold = true;
  return { ...started, client: await WireClient.open(started.port) };
}

/** The records of all responses in order, without the framing of HTTP. */
const recordsOf = (received: string): string[] => received.match(/\{"key".*\}/g) ?? [];
const count = (text: string, part: string): number => text.split(part).length - 1;

test('a stream sent behind a running one begins when the first is complete, and no timeout ends either of them', async () => {
  const clock = virtualClock();
  const { client, downstream, streams, heard } = await open({ clock, checkMs: 1000 });
  client.write(requestOf(records(1)) + requestOf(records(2, 3)));
  await downstream.until(() => downstream.held.length === 1);
  for (let minute = 0; minute < 10; minute += 1) await clock.advance(60_000);
  expect([heard.outcomes, streams.size, downstream.held.length]).toEqual([[], 1, 1]);
  downstream.held.shift()?.answer({ found: '1' });
  await downstream.until(() => downstream.held.length === 2);
  for (const call of downstream.held.splice(0)) call.answer({ found: call.key });
  await heard.until(() => heard.outcomes.length === 2);
  await client.until(enriched(3).trim());
  expect(recordsOf(client.received)).toEqual(enriched(1, 2, 3).trim().split('\n'));
  expect(heard.outcomes).toEqual(['completed', 'completed']);
});

test('a waiting stream whose body fits into no buffer is read when its turn comes', async () => {
  const { client, downstream, heard } = await open();
  const keys = Array.from({ length: 40_000 }, (_, key) => key);
  client.keepChars = 1000;
  client.write(requestOf(records(1)));
  client.write(requestOf(records(...keys)));
  await downstream.until(() => downstream.held.length === 1);
  downstream.hold = false;
  downstream.held.shift()?.answer({ found: '1' });
  await heard.until(() => heard.outcomes.length === 2);
  expect(heard.outcomes).toEqual(['completed', 'completed']);
  await client.until(enriched(39_999).trim());
}, 30_000);

test('many small requests behind a running stream are answered in their order', async () => {
  const { client, downstream } = await open();
  client.write(requestOf(records('first')));
  await downstream.until(() => downstream.held.length === 1);
  downstream.hold = false;
  const keys = Array.from({ length: 200 }, (_, key) => `k${key}`);
  client.write(keys.map((key) => requestOf(`{"key":"${key}"}`, json)).join(''));
  client.write('GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n');
  downstream.held.shift()?.answer({ found: 'first' });
  await client.until('"pipelines":[');
  expect(recordsOf(client.received)).toEqual(
    ['first', ...keys].map((key) => `{"key":"${key}","answer":{"found":"${key}"}}`),
  );
});

test('a request behind a stream whose client leaves is never begun', async () => {
  const { client, downstream, heard } = await open();
  client.write(requestOf(records(1)) + requestOf(records(2)));
  await downstream.until(() => downstream.held.length === 1);
  reset(client.socket);
  await heard.until(() => heard.outcomes.length === 1);
  await downstream.until(() => downstream.aborted === 1);
  expect([heard.outcomes, heard.opened, downstream.calls]).toEqual([['client_aborted'], 1, 1]);
});

test('a head that is read only in part, because too many requests wait, is read on when their turn comes', async () => {
  const { app, client, downstream, heard } = await open();
  const noticed = once(app.server, 'clientError');
  const keys = Array.from({ length: 100 }, (_, key) => `k${key}`);
  const last = requestOf(records('last'));
  const waiting = keys.map((key) => requestOf(`{"key":"${key}"}`, json)).join('');
  client.write(`${requestOf(records('first'))}${waiting}${last.slice(0, 30)}`);
  await downstream.until(() => downstream.held.length === 1);
  // The client sends first: a connection that has sent nothing must send its head within headersTimeout too.
  app.server.headersTimeout = 20;
  const [error] = await noticed;
  expect(error).toHaveProperty('code', 'ERR_HTTP_REQUEST_TIMEOUT');
  client.write(last.slice(30));
  downstream.hold = false;
  downstream.held.shift()?.answer({ found: 'first' });
  await client.until('"key":"last"');
  expect(recordsOf(client.received)).toHaveLength(102);
  expect(heard.outcomes).toEqual(['completed', 'completed']);
});

const kinds = {
  stream: (key: string) => requestOf(records(key)),
  chunked: (key: string) => {
    const body = records(key);
    const head = 'POST /v1/enrich/test HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    return `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  },
  record: (key: string) => requestOf(`{"key":"${key}"}`, json),
  refused: (key: string) => `POST /v1/enrich/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody`,
  document: (key: string) => `GET /${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
};

test('the answers of any requests on one connection come in order, however the requests are cut into chunks', async () => {
  const { client, downstream } = await open();
  downstream.hold = false;
  let sent = 0;
  const choices = fc.array(fc.constantFrom(...Object.values(kinds)), { minLength: 1, maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(choices, fc.array(fc.integer({ min: 1, max: 300 })), async (requests, cuts) => {
      const keys = requests.map(() => `k${(sent += 1)}.`);
      let text = requests.map((of, index) => of(keys[index] ?? '')).join('');
      client.received = '';
      for (const cut of cuts) {
        client.write(text.slice(0, cut));
        text = text.slice(cut);
        await turn();
      }
      client.write(text);
      // The last key is once in its answer, and may be there again in what was found.
      await client.until(keys.at(-1) ?? '');
      const seen = [...new Set(client.received.match(/k\d+\./g))];
      expect(seen).toEqual(keys);
    }),
    { numRuns: 40 },
  );
}, 60_000);

test('a client that closes its side behind two requests reads both answers', async () => {
  const { client, downstream, heard } = await open();
  client.write(requestOf(records(1)) + requestOf(records(2)));
  client.socket.end();
  await downstream.until(() => downstream.held.length === 1);
  downstream.held.shift()?.answer({ found: '1' });
  await downstream.until(() => downstream.held.length === 1);
  downstream.held.shift()?.answer({ found: '2' });
  await client.untilEnded();
  expect(recordsOf(client.received)).toEqual(enriched(1, 2).trim().split('\n'));
  expect(heard.outcomes).toEqual(['completed', 'completed']);
});

test('a request that waited also notices a client that has closed its side and left', async () => {
  const clock = virtualClock();
  const { client, downstream, heard } = await open({ clock });
  client.write(requestOf(records(1)) + requestOf(records(2)));
  client.socket.end();
  await downstream.until(() => downstream.held.length === 1);
  await clock.advance(5000);
  downstream.held.shift()?.answer({ found: '1' });
  await client.until('Millrace-Status: complete');
  await downstream.until(() => downstream.held.length === 1);
  client.socket.destroy();
  // A write provokes the reset of the connection, and the next write notices it.
  while (heard.outcomes.length < 2) await clock.advance(20);
  expect(heard.outcomes).toEqual(['completed', 'client_aborted']);
});

test('a request behind the last answer of a connection does not begin', async () => {
  const { client, downstream, heard } = await open();
  client.write(requestOf(records(1), 'Connection: close') + requestOf(records(2)));
  await downstream.until(() => downstream.held.length === 1);
  downstream.held.shift()?.answer({ found: '1' });
  await client.untilEnded();
  expect(recordsOf(client.received)).toEqual([enriched(1).trim()]);
  expect([heard.outcomes, heard.opened]).toEqual([['completed'], 1]);
});

test.each(['nonsense behind the body\r\n\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\nHost test\r\n\r\n'])(
  'what is not HTTP behind a complete request does not end its stream: %j',
  async (stray) => {
    const { app, client, downstream, heard } = await open();
    const noticed = once(app.server, 'clientError');
    client.write(requestOf(records(1)) + stray);
    await downstream.until(() => downstream.held.length === 1);
    await noticed;
    downstream.held.shift()?.answer({ found: '1' });
    await client.untilEnded();
    expect(recordsOf(client.received)).toEqual([enriched(1).trim()]);
    expect(client.received).toContain('Millrace-Status: complete');
    expect(count(client.received, 'HTTP/1.1')).toBe(1);
    expect(heard.outcomes).toEqual(['completed']);
  },
);

test('an empty line behind the body changes nothing', async () => {
  const { client, downstream } = await open();
  downstream.hold = false;
  client.write(`${requestOf(records(1))}\r\n`);
  await client.until('Millrace-Status: complete');
  client.write(requestOf(records(2)));
  await client.until(enriched(2).trim());
  expect(recordsOf(client.received)).toEqual(enriched(1, 2).trim().split('\n'));
});

test('half a head behind a running stream, for longer than headersTimeout, does not end the stream', async () => {
  const { app, client, downstream, heard } = await open();
  const noticed = once(app.server, 'clientError');
  client.write(`${requestOf(records(1))}POST /v1/enr`);
  await downstream.until(() => downstream.held.length === 1);
  // The client sends first: a connection that has sent nothing must send its head within headersTimeout too.
  app.server.headersTimeout = 20;
  const [error] = await noticed;
  expect(error).toHaveProperty('code', 'ERR_HTTP_REQUEST_TIMEOUT');
  downstream.held.shift()?.answer({ found: '1' });
  await client.untilEnded();
  expect(client.received).toContain('Millrace-Status: complete');
  expect(heard.outcomes).toEqual(['completed']);
});

test('a thousand small requests in one chunk leave turns of the event loop to other connections', async () => {
  const { client, port } = await open();
  const get = 'GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n';
  client.write(get.repeat(1000) + get.replace('v1/pipelines', 'last'));
  await client.until('"pipelines":[');
  const other = await WireClient.open(port);
  other.write(get);
  await other.until('"pipelines":[');
  expect(count(client.received, '"pipelines":[')).toBeLessThan(1000);
  await client.until('/last does not exist');
  expect(count(client.received, '"pipelines":[')).toBe(1000);
});
