import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { enriched, records, start } from './start.ts';
import { reset } from './spoken.ts';
import { WireClient } from './wire-client.ts';

test('over HTTP/1.1 trailers stand behind the last chunk', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(`${records(1, 'broken')}17\n`);
  client.write('0\r\n\r\n');
  await client.until('Millrace-Errors: 2\r\n\r\n');
  expect(client.received).toContain('Trailer: Millrace-Status, Millrace-Read, Millrace-Written, Millrace-Errors\r\n');
  expect(client.received).toContain(
    '\r\n0\r\nMillrace-Status: complete\r\nMillrace-Read: 3\r\nMillrace-Written: 3\r\nMillrace-Errors: 2\r\n\r\n',
  );
});

test('over HTTP/1.1 the connection takes the next stream after a complete one', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  for (const key of [1, 2]) {
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.chunk(records(key));
    await client.until(enriched(key));
    client.write('0\r\n\r\n');
  }
  await client.until('Millrace-Status: complete');
  expect(client.received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
});

test('HTTP/1.0 gets the records without chunks and trailers', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  const body = records(1, 2);
  client.write(`POST /v1/enrich/test HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await client.untilEnded();
  expect(client.received).not.toContain('Millrace-');
  expect(client.received.split('\r\n\r\n')[1]).toBe(enriched(1, 2));
});

test('over HTTP/1.1 a stream that fails has no last chunk', async () => {
  const { port, heard } = await start({ pipeline: { onError: 'fail' } });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1, 2, 'broken', 3));
  await client.untilEnded();
  expect(client.received).toContain(enriched(1));
  expect(client.received).toContain(enriched(2));
  expect(client.received).not.toContain('"found":"3"');
  expect(client.received).not.toContain('Millrace-Status: complete');
  expect(client.received).not.toMatch(/\r\n0\r\n/);
  expect(heard.outcomes).toEqual(['failed']);
});

test('over HTTP/1.1 a client that resets its connection after a refusal leaves nothing behind', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/enrich/unknown', 'Transfer-Encoding: chunked');
  await client.until('unknown_pipeline');
  expect(client.received).toMatch(/^HTTP\/1\.1 404 /);
  reset(client.socket);
});

test('bytes that are not HTTP are answered with 400', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  client.write('nonsense\r\n\r\n');
  await client.until('"code":"bad_request"');
  expect(client.received).toMatch(/^HTTP\/1\.1 400 /);
  await client.untilEnded();
});

test('a body that breaks HTTP/1.1 ends a response that has begun, without a second answer in it', async () => {
  const { port, heard } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until('"found":"1"');
  client.write('this is no chunk size\r\n');
  await client.untilEnded();
  expect(client.received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  expect(client.received).not.toContain('Millrace-Status: complete');
  expect(heard.outcomes).toEqual(['client_aborted']);
});

test('over HTTP/1.1 unread answers other than a stream end after stallTimeout', async () => {
  const clock = virtualClock();
  const { port } = await start({ clock });
  const client = await WireClient.open(port);
  client.socket.pause();
  const answers = Array.from({ length: 200 }, () => 'GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.write(answers.join(''));
  let unread = 0;
  while (clock.timers === 0 || unread < 100) {
    unread = clock.timers === 0 ? 0 : unread + 1;
    await turn();
  }
  await clock.advance(75_000);
  client.socket.resume();
  await client.untilClosed();
  expect(client.received.split('HTTP/1.1 200 OK').length - 1).toBeLessThan(200);
  expect(clock.timers).toBe(0);
});

test('the head of a request has to arrive within headersTimeout', async () => {
  const { port } = await start({ limits: { headersTimeout: '50ms' } });
  const client = await WireClient.open(port);
  client.write('POST /v1/enrich/test HTTP/1.1\r\nHost: te');
  await client.untilEnded();
  expect(client.received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
});
