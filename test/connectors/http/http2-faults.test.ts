import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { constants, createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { FrameClient, flags, frameTypes as types, PREFACE_BYTES, uint32 } from '../../http/http2-frames.ts';
import { listen, openHttp, tcpEnd } from './far-end.ts';
import { Certificates } from './tls/certificates.ts';

/** A server whose streams the test handles one by one. */
async function streams(server: Http2Server = createServer()) {
  const seen: { readonly stream: ServerHttp2Stream; readonly path: string; readonly method: string }[] = [];
  const changed = new EventEmitter();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    seen.push({ stream, path: String(headers[':path']), method: String(headers[':method']) });
    changed.emit('stream');
  });
  server.on('sessionError', () => {});
  const end = await listen(server);
  const arrived = async (count: number): Promise<void> => {
    while (seen.length < count) await once(changed, 'stream');
  };
  return { ...end, seen, arrived };
}

function answer(stream: ServerHttp2Stream, body: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(body);
}

test.each(['GET', 'POST'])(
  '%s: a stream that the server refuses is sent once more, on the same connection',
  async (method) => {
    const { origin, seen, arrived, sockets } = await streams();
    const { ask, heard } = await openHttp({ url: `${origin}/{n}`, method, http2: true, connections: 1 });
    const asked = ask({ n: 1 });
    await arrived(1);
    seen[0]?.stream.close(constants.NGHTTP2_REFUSED_STREAM);
    await arrived(2);
    const second = seen[1]?.stream;
    if (second !== undefined) answer(second, '"found"');
    expect((await asked).json).toBe('"found"');
    expect(seen.map(({ path }) => path)).toEqual(['/1', '/1']);
    expect(sockets).toHaveLength(1);
    expect(heard.outcomes).toEqual(['ok']);
  },
);

test('a stream that the server refuses again fails as unreachable, and its siblings go on', async () => {
  const { origin, seen, arrived } = await streams();
  const { ask } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 1 });
  const sibling = ask({ n: 'sibling' });
  await arrived(1);
  const refused = ask({ n: 'refused' }).catch((error: unknown) => error);
  for (let count = 2; count <= 3; count += 1) {
    await arrived(count);
    seen[count - 1]?.stream.close(constants.NGHTTP2_REFUSED_STREAM);
  }
  expect(await refused).toMatchObject({ code: 'unreachable' });
  const first = seen[0]?.stream;
  if (first !== undefined) answer(first, '1');
  expect((await sibling).json).toBe('1');
});

test('an answer that the server breaks off is no answer, is not asked for again, and its siblings go on', async () => {
  let calls = 0;
  const { origin, sockets } = await tcpEnd((socket) => {
    const client = new FrameClient(socket, PREFACE_BYTES);
    client.send(types.settings, 0, 0);
    client.onHeaders = (stream) => {
      calls += 1;
      // :status 200, by its index in the table of HPACK.
      client.send(types.headers, flags.endHeaders, stream, Buffer.from([0x88]));
      client.send(types.data, stream === 1 ? 0 : flags.endStream, stream, Buffer.from('12'));
      if (stream === 1) client.send(types.reset, 0, stream, uint32(constants.NGHTTP2_INTERNAL_ERROR));
    };
  });
  const { ask, heard } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 1 });
  await expect(ask({ n: 1 })).rejects.toMatchObject({ code: 'unreachable' });
  expect((await ask({ n: 2 })).json).toBe('12');
  expect([calls, sockets.length]).toEqual([2, 1]);
  expect(heard.outcomes).toEqual(['unreachable', 'ok']);
});

test('after GOAWAY the calls under way are answered, and the next one opens another connection', async () => {
  const { origin, seen, arrived, sockets } = await streams();
  const { ask, connector } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 1 });
  const underWay = ask({ n: 1 });
  await arrived(1);
  seen[0]?.stream.session?.close();
  const next = ask({ n: 2 });
  const first = seen[0]?.stream;
  if (first !== undefined) answer(first, '1');
  expect((await underWay).json).toBe('1');
  await arrived(2);
  const second = seen[1]?.stream;
  if (second !== undefined) answer(second, '2');
  expect((await next).json).toBe('2');
  expect(sockets).toHaveLength(2);
  expect(connector.gate?.open).toBe(true);
});

test('a connection that breaks fails its calls, and no later one', async () => {
  const { origin, seen, arrived, sockets } = await streams();
  const { ask, heard } = await openHttp({ url: `${origin}/{n}`, method: 'POST', http2: true, connections: 1 });
  const calls = [1, 2, 3].map((n) => expect(ask({ n })).rejects.toMatchObject({ code: 'unreachable' }));
  await arrived(3);
  sockets[0]?.resetAndDestroy();
  await Promise.all(calls);
  const next = ask({ n: 4 });
  await arrived(4);
  const fourth = seen[3]?.stream;
  if (fourth !== undefined) answer(fourth, '4');
  expect((await next).json).toBe('4');
  expect(heard.outcomes).toEqual(['unreachable', 'unreachable', 'unreachable', 'ok']);
});

test('a call that is cancelled resets its stream only, and the connection is shown as one', async () => {
  const { origin, seen, arrived, sockets } = await streams();
  const { ask, heard } = await openHttp({ url: `${origin}/{n}`, http2: true, connections: 2 });
  const sibling = ask({ n: 'sibling' });
  await arrived(1);
  const cancellation = new Cancellation();
  const cancelled = ask({ n: 'cancelled' }, cancellation).catch((error: unknown) => error);
  await arrived(2);
  const closed = once(seen[1]?.stream ?? new EventEmitter(), 'close');
  cancellation.cancel(new Error('no longer wanted'));
  expect(await cancelled).toMatchObject({ code: 'cancelled' });
  await closed;
  expect(seen[1]?.stream.destroyed).toBe(true);
  expect(heard.gauges().connections).toBe(1);
  const first = seen[0]?.stream;
  if (first !== undefined) answer(first, '1');
  expect((await sibling).json).toBe('1');
  expect(sockets).toHaveLength(1);
});

const versionOf = (request: { readonly httpVersion: string }, response: { end: (text: string) => unknown }): void =>
  void response.end(JSON.stringify(request.httpVersion));

test('over TLS the protocol is negotiated: a server with HTTP/1.1 alone is called over HTTP/1.1', async () => {
  const certificates = new Certificates();
  onTestFinished(() => certificates.remove());
  certificates.authority('ca').signed('here', 'ca', 'subjectAltName=IP:127.0.0.1');
  const tls = { ca: join(certificates.folder, 'ca.crt') };
  for (const [server, version] of [
    [createSecureServer(certificates.shown('here'), versionOf), '2.0'],
    [createHttpsServer(certificates.shown('here'), versionOf), '1.1'],
  ] as const) {
    const { origin } = await listen(server);
    const { ask } = await openHttp({ url: `${origin.replace('http:', 'https:')}/{n}`, http2: true, tls });
    const answers = await Promise.all([1, 2, 3].map((n) => ask({ n })));
    expect(answers.map(({ json }) => json)).toEqual(Array.from({ length: 3 }, () => `"${version}"`));
  }
});

test('nginx over HTTP/2 answers 2,000 calls, at most as many at the same time as it allows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-nginx-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const certificates = new Certificates();
  onTestFinished(() => certificates.remove());
  certificates.authority('ca').signed('here', 'ca', 'subjectAltName=IP:127.0.0.1');
  const free = createTcpServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; error_log stderr; pid ${folder}/pid;
events {}
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port} ssl http2; http2_max_concurrent_streams 8; keepalive_requests 500;
    ssl_certificate ${certificates.folder}/here.crt; ssl_certificate_key ${certificates.folder}/here.key;
    location / { default_type application/json; return 200 '"$server_protocol $uri"'; }
  }
}`,
  );
  const nginx = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  onTestFinished(() => void nginx.kill());
  for (let tries = 0; ; tries += 1) {
    const socket = connectTcp(port, '127.0.0.1');
    const open = await once(socket, 'connect').catch(() => undefined);
    socket.destroy();
    if (open !== undefined) break;
    if (tries === 100) throw new Error('nginx does not listen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const tls = { ca: join(certificates.folder, 'ca.crt') };
  const { ask, heard } = await openHttp({ url: `https://127.0.0.1:${port}/{n}`, http2: true, connections: 2, tls });
  const keys = Array.from({ length: 2000 }, (_, n) => n);
  const answers = await Promise.all(keys.map((n) => ask({ n })));
  expect(answers.map(({ json }) => json)).toEqual(keys.map((n) => `"HTTP/2.0 /${n}"`));
  expect(new Set(heard.outcomes)).toEqual(new Set(['ok']));
});
