import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fetch } from './fetched.ts';
import { enriched, records, start } from './start.ts';
import { openStream } from './stream-client.ts';

test('a result comes back before the body has ended', async () => {
  const { url, heard } = await start();
  const client = await openStream(`${url}/v1/enrich/test`);
  expect(await client.answered()).toBe(200);
  client.send(records(1));
  await client.until(enriched(1));
  client.send(records(2, 3));
  await client.until(enriched(3));
  expect(heard.outcomes).toEqual([]);
  client.end();
  await heard.until(() => heard.outcomes.length === 1);
  expect(heard.outcomes).toEqual(['completed']);
});

test('a complete stream ends with its trailers', async () => {
  const { url } = await start();
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(`${records(1, 'broken')}17\n`);
  client.end();
  expect(await client.complete()).toMatchObject({
    'millrace-status': 'complete',
    'millrace-read': '3',
    'millrace-written': '3',
    'millrace-errors': '2',
  });
  expect(client.headers['trailer']).toBe('Millrace-Status, Millrace-Read, Millrace-Written, Millrace-Errors');
});

test('onError: fail cuts the stream visibly, after the records before the failure', async () => {
  const { url, heard } = await start({ pipeline: { onError: 'fail' } });
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(1, 2, 'broken', 3));
  expect([await client.ended(), client.text, client.trailers]).toEqual(['cut', enriched(1, 2), {}]);
  expect(heard.outcomes).toEqual(['failed']);
});

test('a client that leaves in the middle of its body aborts every call', async () => {
  const { url, downstream, heard, streams } = await start();
  downstream.hold = true;
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(...Array(20).keys()));
  await downstream.until(() => downstream.held.length === 20);
  client.leave();
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
  const { url, downstream, heard, streams } = await start();
  downstream.hold = true;
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => openStream(`${url}/v1/enrich/test`)));
    for (const client of clients) client.send(records(round));
    await heard.until(() => heard.receivedBytes >= (round + 1) * 50 * records(round).length - 50 * 20);
    await Promise.all(clients.map((client) => client.answered()));
    for (const client of clients) client.leave();
    await heard.until(() => heard.outcomes.length === (round + 1) * 50);
  }
  expect(new Set(heard.outcomes)).toEqual(new Set(['client_aborted']));
  expect(streams.size).toBe(0);
  await downstream.until(() => downstream.aborted === downstream.calls);
});

test('the body is not read while every slot is taken', async () => {
  const { url, downstream, heard, streams } = await start({ lookup: { coalesce: false }, pipeline: { capacity: 10 } });
  downstream.hold = true;
  const client = await openStream(`${url}/v1/enrich/test`);
  const line = `{"key":"1","more":"${'x'.repeat(1000)}"}\n`;
  const block = line.repeat(64);
  const totalBytes = 200 * 1024 * 1024;
  let sentBytes = 0;
  while (sentBytes < totalBytes && client.body.write(block)) sentBytes += block.length;
  await downstream.until(() => downstream.held.length === 10);
  for (let turns = 0; turns < 50; turns++) await turn();
  expect(downstream.calls).toBe(10);
  expect(heard.receivedBytes).toBeLessThan(512 * 1024);
  expect(streams.describe()).toMatchObject([{ inFlight: 10, capacity: 10, backpressure: 'capacity' }]);
  client.leave();
  await downstream.until(() => downstream.aborted === 10);
});

test('a client that does not read its response stops its body, and gets the whole response when it reads again', async () => {
  const { url, heard, streams } = await start({
    pipeline: {
      capacity: 50,
      onInvalid: 'annotate',
      enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }],
    },
  });
  const client = await openStream(`${url}/v1/enrich/test`);
  client.keepChars = 1000;
  client.pause();
  const line = `{"key":"1","more":"${'x'.repeat(10_000)}"}\n`;
  const block = line.repeat(100);
  const blocks = 200;
  let sent = 0;
  // The kernel keeps some megabytes in each direction; the client keeps all bytes beyond them.
  const sendMore = (): void => {
    while (sent < blocks) {
      sent += 1;
      client.send(block);
      if (client.body.writableNeedDrain) return;
    }
    client.body.off('drain', sendMore);
    client.end();
  };
  client.body.on('drain', sendMore);
  sendMore();
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  for (let turns = 0; turns < 200; turns++) await turn();
  const heldBytes = heard.receivedBytes;
  expect(heldBytes).toBeLessThan((blocks * block.length) / 4);
  client.resume();
  expect(await client.complete()).toMatchObject({ 'millrace-written': String(blocks * 100) });
  expect(heard.backpressure).toContain('slow_reader');
  expect(heard.receivedBytes).toBe(blocks * block.length);
}, 60_000);
