import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import type { KernelQueues } from '../../src/http/connection/kernel-queues.ts';
import { fetch } from './fetched.ts';
import { enriched, records, start } from './start.ts';
import { closeConnections } from './shared-session.ts';
import { openStream } from './stream-client.ts';

test('a stream whose client sends nothing is cut after idleTimeout', async () => {
  const clock = virtualClock();
  const { url, heard } = await start({ clock, checkMs: 1000 });
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(1));
  await client.until(enriched(1));
  await clock.advance(59_000);
  expect(heard.outcomes).toEqual([]);
  await clock.advance(2000);
  expect(heard.outcomes).toEqual(['stalled']);
  expect([await client.ended(), client.trailers]).toEqual(['cut', {}]);
});

test('a stream that waits for its lookups is not idle', async () => {
  const clock = virtualClock();
  const { url, downstream, heard } = await start({ clock, checkMs: 1000, pipeline: { timeout: '0s' } });
  downstream.hold = true;
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(1));
  await downstream.until(() => downstream.held.length === 1);
  await clock.advance(600_000);
  downstream.held[0]?.answer({ found: '1' });
  await client.until(enriched(1));
  await clock.advance(30_000);
  expect(heard.outcomes).toEqual([]);
});

test('a stream whose response is not read ends after stallTimeout', async () => {
  const clock = virtualClock();
  const { url, heard, streams } = await start({ clock, checkMs: 1000 });
  const client = await openStream(`${url}/v1/enrich/test?duplex=full`);
  client.pause();
  client.flood(`{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10));
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  await clock.advance(75_000);
  expect(heard.outcomes).toEqual(['stalled']);
  expect(streams.size).toBe(0);
  await closeConnections(url);
  while (clock.timers > 0) await turn();
});

test('a stream whose client sends nothing is not idle while the client reads the rest of the response', async () => {
  const clock = virtualClock();
  let unsent = 4_000_000;
  const queues: KernelQueues = {
    read: (sockets) => Promise.resolve(new Map(sockets.map((socket) => [socket, { unsent, unread: 0 }]))),
  };
  const { url, heard } = await start({ clock, checkMs: 1000, queues });
  const client = await openStream(`${url}/v1/enrich/test`);
  client.send(records(1));
  await client.until(enriched(1));
  for (let minute = 0; minute < 5; minute += 1) {
    unsent -= 600_000;
    await clock.advance(60_000);
  }
  expect(heard.outcomes).toEqual([]);
  await clock.advance(122_000);
  expect(heard.outcomes).toEqual(['stalled']);
});

test('a slow reader gets everything that was written before a cut, however long it takes', async () => {
  const clock = virtualClock();
  const { url, streams, heard } = await start({ clock, checkMs: 1000 });
  const client = await openStream(`${url}/v1/enrich/test?control=true`);
  client.pause();
  const stopSending = client.flood(`{"key":"1","more":"${'x'.repeat(100_000)}"}\n`.repeat(10));
  while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await turn();
  stopSending();
  client.keepChars = 10_000;
  streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
  expect(heard.outcomes).toEqual(['drained']);
  await clock.advance(59_000);
  client.resume();
  expect(await client.ended()).toBe('cut');
  expect(client.text).toMatch(/\{"\$fatal":.*"code":"draining".*\}\n$/);
});

test('no timer is left when the last stream has ended', async () => {
  const clock = virtualClock();
  const { url } = await start({ clock });
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body: new TextEncoder().encode(records(1)) });
  expect(await response.text()).toBe(enriched(1));
  await closeConnections(url);
  while (clock.timers > 0) await turn();
});
