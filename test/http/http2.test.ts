import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Http2Client, sessionTo } from './http2-client.ts';
import { enriched, records, start, type Started } from './start.ts';

test('one port serves HTTP/1.1 and HTTP/2, and one connection many streams at the same time', async () => {
  const started = await start();
  const session = sessionTo(started);
  const clients = [1, 2, 3].map(() => new Http2Client(session, '/v1/enrich/test'));
  for (const [index, client] of clients.entries()) client.stream.write(records(index));
  await Promise.all(clients.map((client, index) => client.until(() => client.received === enriched(index))));
  expect(started.streams.describe()).toMatchObject([{ http: '2' }, { http: '2' }, { http: '2' }]);
  expect(await (await fetch(`${started.url}/v1/pipelines`)).json()).toMatchObject({ pipelines: [{ name: 'test' }] });
  for (const client of clients) client.stream.end();
  for (const client of clients) expect(await client.untilClosed()).toBe(0);
  expect(clients[0]?.head).toMatchObject({ ':status': 200, 'content-type': 'application/x-ndjson' });
  expect(clients[0]?.head).not.toHaveProperty('connection');
  expect(clients[2]?.trailers).toMatchObject({
    'millrace-status': 'complete',
    'millrace-read': '1',
    'millrace-written': '1',
    'millrace-errors': '0',
  });
  expect(started.heard.outcomes).toEqual(['completed', 'completed', 'completed']);
});

test('a cut stream is reset with INTERNAL_ERROR after its earlier output, and its siblings go on', async () => {
  const started = await start({ pipeline: { onError: 'fail' } });
  const session = sessionTo(started);
  const sibling = new Http2Client(session, '/v1/enrich/test');
  sibling.stream.write(records(1));
  const cut = new Http2Client(session, '/v1/enrich/test');
  cut.stream.write(records(1, 2, 'broken', 3));
  expect(await cut.untilClosed()).toBe(2);
  expect(cut.received).toBe(enriched(1, 2));
  expect(cut.trailers).toBeUndefined();
  sibling.stream.end(records(2));
  expect(await sibling.untilClosed()).toBe(0);
  expect(sibling.received).toBe(enriched(1, 2));
});

test.each(['resets its stream', 'closes its connection'])('the calls of a client that %s are aborted', async (how) => {
  const started = await start();
  const { downstream, heard, streams } = started;
  downstream.hold = true;
  const session = sessionTo(started);
  const client = new Http2Client(session, '/v1/enrich/test');
  client.stream.write(records(1, 2));
  await downstream.until(() => downstream.held.length === 2);
  if (how === 'resets its stream') client.stream.close(8);
  else session.socket.destroy();
  await downstream.until(() => downstream.aborted === 2);
  await heard.until(() => heard.outcomes.length === 1);
  expect(heard.outcomes).toEqual(['client_aborted']);
  expect(streams.size).toBe(0);
});

test('a client that resets its stream after its body was complete is gone', async () => {
  const started = await start();
  const { downstream, heard } = started;
  downstream.hold = true;
  const client = new Http2Client(sessionTo(started), '/v1/enrich/test');
  client.stream.end(records(1, 2));
  await downstream.until(() => downstream.held.length === 2);
  client.stream.close(8);
  await downstream.until(() => downstream.aborted === 2);
  expect(heard.outcomes).toEqual(['client_aborted']);
});

describe('a stream whose client reads nothing', () => {
  const big = { pipeline: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }] } };
  const block = `{"key":"1","more":"${'x'.repeat(10_000)}"}\n`.repeat(10);

  /** Sends until the service takes no more. */
  async function fill({ streams }: Started, client: Http2Client): Promise<void> {
    client.stream.pause();
    const sendMore = (): void => {
      while (!client.stream.destroyed && client.stream.write(block));
    };
    client.stream.on('drain', sendMore);
    sendMore();
    while (!streams.describe().some((stream) => stream['backpressure'] === 'slow_reader')) await turn();
  }

  test('stops its own body and not its siblings, and gets everything when it reads', async () => {
    const started = await start(big);
    const session = sessionTo(started);
    const stalled = new Http2Client(session, '/v1/enrich/test');
    stalled.stream.pause();
    let sentBytes = 0;
    const send = async (): Promise<void> => {
      for (let blocks = 0; blocks < 100; blocks += 1) {
        sentBytes += block.length;
        if (!stalled.stream.write(block)) await once(stalled.stream, 'drain');
      }
      stalled.stream.end();
    };
    const sending = send();
    while (!started.streams.describe().some((stream) => stream['backpressure'] === 'slow_reader')) await turn();
    const sibling = new Http2Client(session, '/v1/enrich/test');
    sibling.stream.end(block.repeat(20));
    expect(await sibling.untilClosed()).toBe(0);
    expect(sibling.received).toBe(block.repeat(20));
    expect(Number(started.streams.describe()[0]?.['receivedBytes'])).toBeLessThan(3_000_000);
    stalled.stream.resume();
    await sending;
    expect(await stalled.untilClosed()).toBe(0);
    expect(stalled.received.length).toBe(sentBytes);
  });

  test('is reset after stallTimeout, although its siblings are busy', async () => {
    const started = await start({ ...big, limits: { stallTimeout: '300ms' } });
    const session = sessionTo(started);
    // With `auto` its output could go to the spool instead.
    const stalled = new Http2Client(session, '/v1/enrich/test?duplex=full');
    const sibling = new Http2Client(session, '/v1/enrich/test');
    const busy = new AbortController();
    const chatter = (async () => {
      while (!busy.signal.aborted) {
        const before = sibling.received.length;
        sibling.stream.write(records(1));
        await sibling.until(() => sibling.received.length > before);
      }
    })();
    await fill(started, stalled);
    await started.heard.until(() => started.heard.outcomes.length === 1);
    expect(started.heard.outcomes).toEqual(['stalled']);
    busy.abort();
    await chatter;
    sibling.stream.end();
    expect(await sibling.untilClosed()).toBe(0);
  });
});
