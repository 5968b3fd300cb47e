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
