import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { fetch } from './fetched.ts';
import { start } from './start.ts';
import { openStream } from './stream-client.ts';

const json = { 'content-type': 'application/json', 'content-length': '1000' };
const routes = ['/v1/enrich/test', '/v1/explain/test'];

test.each(routes)('a body for %s of which nothing arrives for idleTimeout is answered with 408', async (path) => {
  const clock = virtualClock();
  const { url, streams } = await start({ clock, checkMs: 1000 });
  const client = await openStream(url + path, json);
  client.send('{');
  while (streams.size === 0) await turn();
  await clock.advance(30_000);
  client.send('"');
  await turn();
  while (streams.describe()[0]?.['heldBytes'] !== 2) await turn();
  await clock.advance(59_000);
  expect(streams.size).toBe(1);
  await clock.advance(2000);
  await client.until('"code":"idle"');
  expect(client.status).toBe(408);
  while (streams.size > 0) await turn();
});

test('streams, single records and explanations share limits.streams', async () => {
  const { url, streams } = await start({ limits: { streams: 3 } });
  await openStream(`${url}/v1/enrich/test`);
  await openStream(`${url}/v1/enrich/test`, json);
  const explained = await openStream(`${url}/v1/explain/test`, json);
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
  explained.leave();
  while (streams.size === 3) await turn();
  const taken = await fetch(`${url}/v1/explain/test`, { method: 'POST', body: '{"key":"1"}' });
  expect(taken.status).toBe(200);
});

test('an explanation whose client leaves frees its place', async () => {
  const { url, streams } = await start();
  const client = await openStream(`${url}/v1/explain/test`, json);
  while (streams.size === 0) await turn();
  client.leave();
  while (streams.size > 0) await turn();
  expect(streams.counts()).toEqual({ stream: 0, record: 0, explain: 0 });
});

test('one record that explodes is answered with an array that is made while the client reads it', async () => {
  const { url, downstream, memory } = await start({
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
  const client = await openStream(`${url}/v1/enrich/test`, { 'content-type': 'application/json' });
  client.pause();
  client.end('{"a":1,"b":1}');
  while (downstream.calls < 8) await turn();
  for (let turns = 0; turns < 2000; turns += 1) await turn();
  expect(memory.heldBytes).toBeLessThan(1_000_000);
  client.leave();
  while (memory.heldBytes > 0) await turn();
});
