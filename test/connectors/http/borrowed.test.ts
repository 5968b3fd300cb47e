import { EventEmitter } from 'node:events';
import { createServer as createServerOfHttp2 } from 'node:http2';
import { Socket } from 'node:net';
import { Client } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { socketConnector } from '../../../src/connectors/http/socket/http-socket.ts';
import { anyRoute } from './client/both-ends.ts';
import { listen, tcpEnd } from './far-end.ts';

/** What undici does today and does not promise (docs/dependencies.md). A new version that changes it fails here. */

function clientOf(url: URL, options: Client.Options = {}): Client {
  const client = new Client(url, options);
  onTestFinished(() => client.destroy());
  return client;
}

test('undici keeps the URL that it gets, and reads `origin` and `protocol` of that one', async () => {
  const { origin } = await tcpEnd((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue'));
  });
  const url = new URL(origin);
  const read: string[] = [];
  for (const name of ['origin', 'protocol'] as const) {
    const value = url[name];
    Object.defineProperty(url, name, { get: () => (read.push(name), value) });
  }
  const client = clientOf(url);
  await (await client.request({ method: 'GET', path: '/' })).body.text();
  read.length = 0;
  await (await client.request({ method: 'GET', path: '/' })).body.text();
  expect(new Set(read)).toEqual(new Set(['origin', 'protocol']));
});

test('undici keeps the session of HTTP/2 behind the symbol `http2Session`, and it reports settings', async () => {
  const server = createServerOfHttp2({ settings: { maxConcurrentStreams: 4 } }, (_, response) => response.end('true'));
  const { origin } = await listen(server);
  const connect = socketConnector({ origin, http2: true, tls: {}, route: anyRoute });
  const client = clientOf(new URL(origin), { allowH2: true, connect });
  await (await client.request({ method: 'GET', path: '/' })).body.text();
  const symbols = Object.getOwnPropertySymbols(client).filter(({ description }) => description === 'http2Session');
  const sessions = symbols.map((symbol): unknown => Reflect.get(client, symbol));
  expect(sessions).toMatchObject([{ remoteSettings: { maxConcurrentStreams: 4 } }]);
  expect(sessions[0]).toBeInstanceOf(EventEmitter);
});

test('a connector of undici returns the socket that it opens, before it is connected', async () => {
  const { origin } = await tcpEnd(() => {});
  const { protocol, host, hostname, port } = new URL(origin);
  const opened: { socket?: unknown } = {};
  const connected = new Promise((resolve) => {
    opened.socket = socketConnector({ origin, http2: false, tls: {}, route: anyRoute })(
      { protocol, host, hostname, port },
      (_, socket) => resolve(socket),
    );
  });
  expect(opened.socket).toBeInstanceOf(Socket);
  expect(await connected).toBe(opened.socket);
  if (opened.socket instanceof Socket) opened.socket.destroy();
});
