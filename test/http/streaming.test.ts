import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { enriched, records, start } from './start.ts';
import { WireClient } from './wire-client.ts';

test('a result comes back before the body has ended', async () => {
  const { port, heard } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  await client.until('\r\n\r\n');
  client.chunk(records(1));
  await client.until(enriched(1));
  client.chunk(records(2, 3));
  await client.until(enriched(3));
  expect(heard.outcomes).toEqual([]);
  client.write('0\r\n\r\n');
  await heard.until(() => heard.outcomes.length === 1);
  expect(heard.outcomes).toEqual(['completed']);
});

test('a complete stream ends with its trailers', async () => {
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

test('the connection takes the next stream after a complete one', async () => {
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

test('onError: fail cuts the stream visibly, after the records before the failure', async () => {
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

test('a client that leaves in the middle of its body aborts every call', async () => {
  const { port, downstream, heard, streams } = await start();
  downstream.hold = true;
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(...Array(20).keys()));
  await downstream.until(() => downstream.held.length === 20);
  client.socket.destroy();
  await downstream.until(() => downstream.aborted === 20);
  expect(heard.outcomes).toEqual(['client_aborted']);
  expect(streams.size).toBe(0);
});

test('a client that leaves after its body was complete aborts every call', async () => {
  const { url, downstream, heard } = await start();
  downstream.hold = true;
  const leave = new AbortController();
  const response = await fetch(`${url}/v1/enrich/test`, {
    method: 'POST',
    body: records(1, 2),
    signal: leave.signal,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  expect(response.status).toBe(200);
  await downstream.until(() => downstream.held.length === 2);
  leave.abort();
  await downstream.until(() => downstream.aborted === 2);
  expect(heard.outcomes).toEqual(['client_aborted']);
});

test('nothing is left of 1,000 streams whose clients left', async () => {
  const { port, downstream, heard, streams } = await start();
  downstream.hold = true;
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => WireClient.open(port)));
    for (const client of clients) {
      client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
      client.chunk(records(round));
    }
    await heard.until(() => heard.receivedBytes >= (round + 1) * 50 * records(round).length - 50 * 20);
    await Promise.all(clients.map((client) => client.until('200 OK')));
    for (const client of clients) client.socket.destroy();
    await heard.until(() => heard.outcomes.length === (round + 1) * 50);
  }
  expect(new Set(heard.outcomes)).toEqual(new Set(['client_aborted']));
  expect(streams.size).toBe(0);
  await downstream.until(() => downstream.aborted === downstream.calls);
});

test('the body is not read while every slot is taken', async () => {
  const { url, downstream, heard, streams } = await start({ lookup: { coalesce: false }, pipeline: { capacity: 10 } });
  downstream.hold = true;
  const client = (url.startsWith('https:') ? httpsRequest : httpRequest)(`${url}/v1/enrich/test`, { method: 'POST' });
  client.on('error', () => {});
  const line = `{"key":"1","more":"${'x'.repeat(1000)}"}\n`;
  const block = line.repeat(64);
  const totalBytes = 200 * 1024 * 1024;
  let sentBytes = 0;
  while (sentBytes < totalBytes && client.write(block)) sentBytes += block.length;
  await downstream.until(() => downstream.held.length === 10);
  for (let turns = 0; turns < 50; turns++) await turn();
  expect(downstream.calls).toBe(10);
  expect(heard.receivedBytes).toBeLessThan(256 * 1024);
  expect(streams.describe()).toMatchObject([{ inFlight: 10, capacity: 10, backpressure: 'capacity' }]);
  client.destroy();
  await downstream.until(() => downstream.aborted === 10);
});

test('a client that does not read its response stops its body, and gets the whole response when it reads again', async () => {
  const { port, heard, streams } = await start({
    pipeline: {
      capacity: 50,
      onInvalid: 'annotate',
      enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }],
    },
  });
  const client = await WireClient.open(port);
  client.keepChars = 1000;
  client.socket.pause();
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  const line = `{"key":"1","more":"${'x'.repeat(10_000)}"}\n`;
  const block = line.repeat(100);
  const blocks = 200;
  let sent = 0;
  // The kernel keeps some megabytes in each direction; the client keeps all bytes beyond them.
  const sendMore = (): void => {
    while (sent < blocks) {
      sent += 1;
      client.chunk(block);
      if (client.socket.writableNeedDrain) return;
    }
    client.socket.off('drain', sendMore);
    client.write('0\r\n\r\n');
  };
  client.socket.on('drain', sendMore);
  sendMore();
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  for (let turns = 0; turns < 200; turns++) await turn();
  const heldBytes = heard.receivedBytes;
  expect(heldBytes).toBeLessThan((blocks * block.length) / 4);
  client.socket.resume();
  await client.until('Millrace-Status: complete');
  expect(client.received).toContain(`Millrace-Written: ${blocks * 100}\r\n`);
  expect(heard.backpressure).toContain('slow_reader');
  expect(heard.receivedBytes).toBe(blocks * block.length);
}, 60_000);
