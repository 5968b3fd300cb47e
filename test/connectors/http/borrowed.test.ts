import { EventEmitter } from 'node:events';
import { createServer as createServerOfHttp2 } from 'node:http2';
import { connect as connectSocket, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { socketConnector } from '../../../src/connectors/http/http-socket.ts';
import { listen, tcpEnd } from './far-end.ts';

/** What undici does today and does not promise (docs/dependencies.md). A new version that changes it fails here. */

/** Keeps what undici reports of one request. */
class Response implements Dispatcher.DispatchHandler {
  body = '';
  ended = false;

  onRequestStart(): void {}

  onResponseStart(): void {}

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body += chunk.toString();
  }

  onResponseEnd(): void {
    this.ended = true;
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    throw error;
  }
}

function clientOf(url: URL, options: Client.Options = {}): Client {
  const client = new Client(url, options);
  onTestFinished(() => client.destroy());
  return client;
}

/** A client whose request has been sent, and its socket. */
async function sent(response: Response): Promise<Socket> {
  const requested: Socket[] = [];
  const { origin } = await tcpEnd((socket) => socket.on('data', () => requested.push(socket)));
  const { hostname, port } = new URL(origin);
  let near: Socket | undefined;
  const client = clientOf(new URL(origin), {
    connect: (_, callback) => {
      const socket = connectSocket({ host: hostname, port: Number(port) }, () => callback(null, socket));
      near = socket;
    },
  });
  client.dispatch({ method: 'GET', path: '/' }, response);
  while (requested.length === 0) await turn();
  if (near === undefined) throw new Error('undici has opened no socket');
  return near;
}

test('undici parses what `read` of the socket returns while the socket emits `readable`', async () => {
  const response = new Response();
  const socket = await sent(response);
  let bytes: Buffer | null = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue');
  socket.read = () => {
    const taken = bytes;
    bytes = null;
    return taken;
  };
  socket.emit('readable');
  expect([response.body, response.ended]).toEqual(['true', true]);
});

test('undici reads, without a size, until `read` returns null, and takes several chunks', async () => {
  const response = new Response();
  const socket = await sent(response);
  const chunks = ['HTTP/1.1 200 OK\r\ncontent-', 'length: 4\r\n\r\ntr', 'ue'].map((text) => Buffer.from(text));
  const sizes: unknown[] = [];
  socket.read = (size) => {
    sizes.push(size);
    return chunks.shift() ?? null;
  };
  socket.emit('readable');
  expect([response.body, response.ended]).toEqual(['true', true]);
  expect(new Set(sizes)).toEqual(new Set([undefined]));
});

test('what `push` of the socket gets is in the buffer that the replaced `read` can take from', async () => {
  const response = new Response();
  const socket = await sent(response);
  const pushed: unknown[] = [];
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding) => {
    pushed.push(chunk);
    return push(chunk, encoding);
  };
  socket.push(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue'));
  while (!response.ended) await turn();
  expect([response.body, pushed.length]).toEqual(['true', 1]);
});

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
  const connect = socketConnector({ origin, http2: true, tls: {} });
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
    opened.socket = socketConnector({ origin, http2: false, tls: {} })(
      { protocol, host, hostname, port },
      (_, socket) => resolve(socket),
    );
  });
  expect(opened.socket).toBeInstanceOf(Socket);
  expect(await connected).toBe(opened.socket);
  if (opened.socket instanceof Socket) opened.socket.destroy();
});
