import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect as connectSecurely, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { carrierOf } from '../../src/http/tls/carrier.ts';
import { Certificates } from '../connectors/http/tls/certificates.ts';

async function listen(listener: RequestListener): Promise<{ server: Server; client: () => Socket }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, client: () => connect({ port, host: '127.0.0.1', allowHalfOpen: true }) };
}

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

test.each([
  [true, /^HTTP\/1\.1 200 OK/],
  [false, /^$/],
])('with httpAllowHalfOpen %s a client that closes its side reads %s', async (httpAllowHalfOpen, received) => {
  const { server, client } = await listen((incoming, response) => {
    incoming.socket.once('end', () => setImmediate(() => response.end('answer')));
    incoming.resume();
  });
  Object.assign(server, { httpAllowHalfOpen });
  const socket = client();
  socket.end(request);
  expect(await text(socket)).toMatch(received);
});

test('a server has one listener of connections, and without it reads no request', async () => {
  const { server, client } = await listen((_, response) => response.end('answer'));
  const [accept, ...others] = server.listeners('connection');
  expect(others).toEqual([]);
  server.removeAllListeners('connection');
  const first = client();
  const [unread] = (await Promise.all([once(server, 'connection'), once(first, 'connect')]))[0] as [Socket];
  first.end(request);
  // No parser has read the bytes: they are still in the socket.
  expect(await text(unread)).toBe(request);
  first.destroy();
  unread.destroy();
  server.on('connection', (socket: Socket) => accept?.call(server, socket));
  const second = client();
  second.write(request);
  expect(await text(second)).toContain('answer');
});

test.each([
  ['1.1', true],
  ['1.0', false],
])('chunkedEncoding of a response to HTTP/%s whose length is not known is %s', async (version, chunked) => {
  const seen: boolean[] = [];
  const { client } = await listen((_, response) => {
    response.flushHeaders();
    seen.push(response.chunkedEncoding);
    response.end('answer');
  });
  const socket = client();
  socket.end(request.replace('1.1', version));
  await text(socket);
  expect(seen).toEqual([chunked]);
});

test('each chunk of a body has memory of its own, which its receiver may free', async () => {
  const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));
  const own: boolean[] = [];
  const digest = createHash('sha256');
  const received = Promise.withResolvers<void>();
  const { client } = await listen((incoming) => {
    incoming.on('data', (chunk: Buffer) => {
      digest.update(chunk);
      own.push(chunk.byteLength === chunk.buffer.byteLength);
      if (chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
    });
    incoming.once('end', () => received.resolve());
  });
  const socket = client();
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes);
  await received.promise;
  socket.destroy();
  expect(new Set(own)).toEqual(new Set([true]));
  expect(digest.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('the TLS socket of a server has the TCP connection as _parent, which can be reset and is closed with it', async () => {
  const certificates = new Certificates();
  onTestFinished(() => certificates.remove());
  const server = createSecureServer(certificates.authority('ca').signed('here', 'ca', '').shown('here'));
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const [end, code] of [
    ['reset', 'ECONNRESET'],
    ['destroy', undefined],
  ] as const) {
    const carrier = once(server, 'connection');
    const secure = once(server, 'secureConnection');
    const client = connectSecurely({
      port,
      host: '127.0.0.1',
      ca: certificates.pem('ca.crt'),
      checkServerIdentity: () => undefined,
    });
    const failed = new Promise<NodeJS.ErrnoException | undefined>((resolve) =>
      client.once('error', resolve).once('end', () => resolve(undefined)),
    );
    const [[connection], [socket]] = (await Promise.all([carrier, secure])) as [[Socket], [TLSSocket]];
    expect(carrierOf(socket)).toBe(connection);
    expect(carrierOf(connection)).toBe(connection);
    expect(() => socket.resetAndDestroy()).toThrow('This handle type cannot be sent');
    const closed = [once(connection, 'close'), once(socket, 'close')];
    if (end === 'reset') carrierOf(socket).resetAndDestroy();
    else socket.destroy();
    await Promise.all(closed);
    expect((await failed)?.code).toBe(code);
    client.destroy();
  }
});

test('bytes that are written to the TCP connection of a failed handshake arrive without encryption', async () => {
  const certificates = new Certificates();
  onTestFinished(() => certificates.remove());
  const server = createSecureServer(certificates.authority('ca').shown('ca'));
  onTestFinished(() => void server.close());
  server.on('tlsClientError', (_, socket) => carrierOf(socket).end('in plain'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(request);
  expect(await text(client)).toBe('in plain');
});

test.each([
  [true, 'closed'],
  [false, 'open'],
])('a connection whose response says close, and whose _last is %s when it finishes, is %s', async (last, state) => {
  const { client } = await listen((_, response) => {
    response.once('prefinish', () => Object.assign(response, { _last: last }));
    response.setHeader('Connection', 'close');
    response.end('answer');
  });
  const socket = client();
  let closed = false;
  socket.once('end', () => {
    closed = true;
  });
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n');
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('Connection: close');
  if (last) await once(socket, 'end');
  // A connection that is open takes the rest of the body.
  else await new Promise<void>((resolve) => socket.write('0123456789', () => resolve()));
  expect(closed ? 'closed' : 'open').toBe(state);
  socket.destroy();
});
