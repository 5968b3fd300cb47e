import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { start } from './start.ts';
import { WireClient } from './wire-client.ts';

const json = ['Content-Type: application/json', 'Content-Length: 1000'];
const routes = ['/v1/enrich/test', '/v1/explain/test'];

test.each(routes)('a body for %s of which nothing arrives for idleTimeout is answered with 408', async (path) => {
  const clock = virtualClock();
  const { port, streams } = await start({ clock, checkMs: 1000 });
  const client = await WireClient.open(port);
  client.head(path, ...json);
  client.write('{');
  while (streams.size === 0) await turn();
  await clock.advance(30_000);
  client.write('"');
  await turn();
  while (streams.describe()[0]?.['heldBytes'] !== 2) await turn();
  await clock.advance(59_000);
  expect(streams.size).toBe(1);
  await clock.advance(2000);
  await client.until('"code":"idle"');
  expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
  while (streams.size > 0) await turn();
});

test('streams, single records and explanations share limits.streams', async () => {
  const { port, url, streams } = await start({ limits: { streams: 3 } });
  const clients = await Promise.all([1, 2, 3].map(() => WireClient.open(port)));
  clients[0]?.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  clients[1]?.head('/v1/enrich/test', ...json);
  clients[2]?.head('/v1/explain/test', ...json);
  while (streams.size < 3) await turn();
  expect(streams.counts()).toEqual({ stream: 1, record: 1, explain: 1 });
  expect(new Set(streams.describe().map(({ mode }) => mode))).toEqual(new Set(['ordered', 'record', 'explain']));
  for (const path of routes) {
    const refused = await fetch(url + path, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'too_many_streams', limit: 3 });
  }
  clients[2]?.socket.destroy();
  while (streams.size === 3) await turn();
  const taken = await fetch(`${url}/v1/explain/test`, { method: 'POST', body: '{"key":"1"}' });
  expect(taken.status).toBe(200);
});

test('an explanation whose client leaves frees its place', async () => {
  const { port, streams } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/explain/test', ...json);
  while (streams.size === 0) await turn();
  client.socket.destroy();
  while (streams.size > 0) await turn();
  expect(streams.counts()).toEqual({ stream: 0, record: 0, explain: 0 });
});

test('one record that explodes is answered with an array that is made while the client reads it', async () => {
  const { port, url, downstream, memory } = await start({
    lookup: { coalesce: false },
    pipeline: {
      explode: true,
      enrich: [
        { lookup: 'far', with: { key: '/a' }, into: '/x' },
        { lookup: 'far', with: { key: '/b' }, into: '/y' },
      ],
    },
  });
  const array = JSON.stringify(Array.from({ length: 1000 }, (_, n) => n));
  downstream.answers = new Map([
    ['1', array],
    ['2', '[7]'],
    ['3', '[]'],
  ]);
  const post = (body: string): Promise<Response> =>
    fetch(`${url}/v1/enrich/test`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  expect(await (await post('{"a":2,"b":2}')).text()).toBe('{"a":2,"b":2,"x":7,"y":7}');
  expect(await (await post('{"a":1,"b":3}')).text()).toBe('[]');
  const all = (await (await post('{"a":1,"b":1}')).json()) as { x: number; y: number }[];
  expect(all.length).toBe(1_000_000);
  expect(all[123_456]).toEqual({ a: 1, b: 1, x: 123, y: 456 });

  // The client reads nothing: only as much is made as the connection takes.
  const client = await WireClient.open(port);
  client.socket.pause();
  const body = '{"a":1,"b":1}';
  client.head('/v1/enrich/test', 'Content-Type: application/json', `Content-Length: ${body.length}`);
  client.write(body);
  while (downstream.calls < 8) await turn();
  for (let turns = 0; turns < 2000; turns += 1) await turn();
  expect(memory.heldBytes).toBeLessThan(1_000_000);
  client.socket.destroy();
  while (memory.heldBytes > 0) await turn();
});
