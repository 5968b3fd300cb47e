import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/virtual-clock.ts';
import { enriched, records, start } from './start.ts';
import { WireClient } from './wire-client.ts';

test('a stream to which nothing is sent ends after idleTimeout, cut', async () => {
  const clock = virtualClock();
  const { port, heard } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  await clock.advance(59_000);
  expect(heard.outcomes).toEqual([]);
  await clock.advance(2000);
  expect(heard.outcomes).toEqual(['stalled']);
  await client.untilEnded();
  expect(client.received).not.toContain('Millrace-Status: complete');
});

test('a stream that waits for its lookups is not idle', async () => {
  const clock = virtualClock();
  const { port, downstream, heard } = await start({ clock, checkMs: 1000, pipeline: { timeout: '0s' } });
  downstream.hold = true;
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await downstream.until(() => downstream.held.length === 1);
  await clock.advance(600_000);
  downstream.held[0]?.answer({ found: '1' });
  await client.until(enriched(1));
  await clock.advance(30_000);
  expect(heard.outcomes).toEqual([]);
});

test('a stream whose response nobody reads ends after stallTimeout', async () => {
  const clock = virtualClock();
  const { port, heard, streams } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.socket.pause();
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  const block = `{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10);
  const sendMore = (): void => {
    while (!client.socket.destroyed && !client.socket.writableNeedDrain) client.chunk(block);
  };
  client.socket.on('drain', sendMore);
  sendMore();
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  await clock.advance(62_000);
  expect(heard.outcomes).toEqual(['stalled']);
  expect(streams.size).toBe(0);
  expect(clock.timers).toBe(0);
});

test('no timer is left when the last stream has ended', async () => {
  const clock = virtualClock();
  const { url } = await start({ clock });
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body: new TextEncoder().encode(records(1)) });
  expect(await response.text()).toBe(enriched(1));
  expect(clock.timers).toBe(0);
});

test('the head of a request has to arrive within headersTimeout', async () => {
  const { port } = await start({ limits: { headersTimeout: '50ms' } });
  const client = await WireClient.open(port);
  client.write('POST /v1/enrich/test HTTP/1.1\r\nHost: te');
  await client.untilEnded();
  expect(client.received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
});
