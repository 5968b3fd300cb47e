import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { folderOf, serveFolder, type Serving } from './serving.ts';

/** A service that may open 128 files, with lookups that answer one turn later. */
async function limited(limits = ''): Promise<Serving> {
  const far = createServer((request, response) => setImmediate(() => response.end(`{"found":"${request.url}"}`)));
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const folder = folderOf({
    'millrace.yaml': `
server: { log: { level: warn }${limits} }
lookups: { far: { http: { url: "http://127.0.0.1:${port}/{key}" } } }
pipelines: { lines: { enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
  });
  return serveFolder(folder, undefined, undefined, { openFiles: 128 });
}

/** Connections that had a response and stay open, or that have sent nothing. */
async function idleClients(port: number, count: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      if (n % 2 === 0) socket.write('GET /v1/pipelines HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      socket.resume();
      return socket;
    }),
  );
}

async function opened({ url }: Serving): Promise<{ send: (n: number) => Promise<void>; all: Promise<string> }> {
  const request = httpRequest(`${url}/v1/enrich/lines`, { method: 'POST' });
  request.on('error', () => {});
  onTestFinished(() => void request.destroy());
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const all = (async () => {
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return `${text}${response.trailers['millrace-status']} ${response.trailers['millrace-errors']}`;
  })();
  const send = async (n: number): Promise<void> => {
    for (let key = 0; key < n; key += 1) {
      if (!request.write(`{"key":${key}}\n`)) await once(request, 'drain');
    }
    request.end();
  };
  return { send, all };
}

test('with 300 idle clients and 128 open files allowed a stream loses no record, and the admin listener answers', async () => {
  const serving = await limited();
  const stream = await opened(serving);
  const clients = await idleClients(serving.port, 300);
  expect((await fetch(`${serving.admin.url}/livez`)).status).toBe(200);
  await stream.send(2000);
  const text = await stream.all;
  expect(text.endsWith('complete 0')).toBe(true);
  expect(text.split('\n').length).toBe(2001);
  expect(text).not.toContain('_error');
  expect((await fetch(`${serving.admin.url}/livez`)).status).toBe(200);
  // A new client is served: the connection that was idle for longest is closed for it.
  expect((await fetch(`${serving.url}/v1/pipelines`)).status).toBe(200);
  expect(await serving.admin.metric('millrace_connections')).toBeLessThan(128);
  expect(await serving.admin.metric('millrace_connections_closed_total')).toBeGreaterThan(200);
  expect(serving.stderr).toMatch(/lookups\.far\.http\.connections is 256, but the process may open 128 files/);
  for (const client of clients) client.destroy();
});

test('without an idle connection to close one more client gets 503, and busy connections continue', async () => {
  const serving = await limited(', limits: { connections: 2 }');
  const streams = [await opened(serving), await opened(serving)];
  const refused = await fetch(`${serving.url}/v1/pipelines`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await refused.json()).toMatchObject({ code: 'too_many_connections', status: 503 });
  for (const { send, all } of streams) {
    await send(10);
    expect((await all).endsWith('complete 0')).toBe(true);
  }
  expect((await fetch(`${serving.url}/v1/pipelines`)).status).toBe(200);
});
