import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http2';
import { expect, test } from 'vitest';
import { listen, openHttp } from './far-end.ts';

test('with http2 and a plain address all calls share one connection, at the same time', async () => {
  const paths: string[] = [];
  const held: (() => void)[] = [];
  const { origin, sockets } = await listen(
    createServer((request, response) => {
      paths.push(request.url);
      held.push(() => response.end(`"${request.url}"`));
      if (held.length === 20) for (const answer of held) answer();
    }),
  );
  const { ask } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 1 });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask({ n })));
  expect(answers.map(({ json }) => json)).toEqual(Array.from({ length: 20 }, (_, n) => `"/${n}"`));
  expect(paths).toHaveLength(20);
  expect(sockets).toHaveLength(1);
});

test('no more calls run at the same time than the server allows, and the others wait for their turn', async () => {
  const held: (() => void)[] = [];
  const calls = new EventEmitter();
  const server = createServer({ settings: { maxConcurrentStreams: 4 } }, (request, response) => {
    held.push(() => response.end(`"${request.url}"`));
    calls.emit('call');
  });
  const { origin, sockets } = await listen(server);
  const { ask, connector, limit } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 1 });
  const arrived = async (count: number): Promise<void> => {
    while (held.length < count) await once(calls, 'call');
  };
  const answers = Array.from({ length: 30 }, (_, n) => ask({ n }));
  for (let answered = 0; answered < 30;) {
    await arrived(Math.min(answered === 0 ? 1 : 4, 30 - answered));
    // Calls that are not sent wait in the limit, where their time does not run; a few may be on their way to the server.
    expect(30 - answered - limit.waiting).toBeLessThanOrEqual(4);
    const now = held.splice(0);
    expect(now.length).toBeLessThanOrEqual(4);
    for (const answer of now) answer();
    await Promise.all(answers.slice(answered, (answered += now.length)));
  }
  expect(connector.gate?.open).toBe(true);
  expect(sockets).toHaveLength(1);
});
