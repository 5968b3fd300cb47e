import { createServer as createTcpServer, connect, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen, openHttp, type OpenHttp } from '../far-end.ts';
import { Certificates } from './certificates.ts';
import { OpensslServer } from './openssl-server.ts';

let files: Certificates;

beforeAll(() => {
  files = new Certificates().authority('ca').signed('server', 'ca', 'subjectAltName=IP:127.0.0.1');
});

afterAll(() => files.remove());

/** A TLS server that calls `answer` for each request. */
async function tlsEnd(answer: (socket: TLSSocket) => void, options: object = {}): Promise<string> {
  const server = createTlsServer({ ...files.shown('server'), ...options }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => answer(socket));
  });
  const { origin } = await listen(server);
  return origin.replace('http:', 'https:');
}

const alertRecord = 21;

/** Passes everything on but the alerts of the server, close_notify among them: what is left is a truncated connection (TLS 1.2). */
async function withoutAlerts(url: string): Promise<string> {
  return passed(url, (type) => type !== alertRecord);
}

/** Passes on the records of the server for which `keep`, called with the type of each, is true. */
async function passed(url: string, keep: (type: number) => boolean): Promise<string> {
  const { port } = new URL(url);
  const server = createTcpServer((client: Socket) => {
    const upstream = connect(Number(port), '127.0.0.1');
    upstream.on('error', () => {});
    client.pipe(upstream);
    let unread = Buffer.alloc(0);
    upstream.on('data', (bytes) => {
      unread = Buffer.concat([unread, bytes]);
      for (let end = recordEnd(unread); end <= unread.length; end = recordEnd(unread)) {
        if (keep(unread.readUInt8(0))) client.write(unread.subarray(0, end));
        unread = unread.subarray(end);
      }
    });
    upstream.on('end', () => client.end());
  });
  return (await listen(server)).origin.replace('http:', 'https:');
}

const recordEnd = (bytes: Buffer): number => (bytes.length < 5 ? Infinity : 5 + bytes.readUInt16BE(3));

const answer = (body: string, ...fields: readonly string[]): string =>
  ['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...fields, '', body].join('\r\n');
const untilClose = (body: string): string => `HTTP/1.1 200 OK\r\n\r\n${body}`;
const chunked = (text: string): string => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${text}`;

describe.each(['lean', 'undici'])('an HTTP lookup over TLS, with client: %s', (client) => {
  const open = (url: string, options: object = {}): Promise<OpenHttp> =>
    openHttp({ url, client, tls: { ca: `${files.folder}/ca.crt` }, ...options });

  test('offers HTTP/1.1 alone, keeps its connection, and counts it', async () => {
    const offered: unknown[] = [];
    const connections = new Set<TLSSocket>();
    const url = await tlsEnd((socket) => void (connections.add(socket), socket.write(answer('{}'))), {
      ALPNCallback: ({ protocols }: { protocols: string[] }) => (offered.push(protocols), 'http/1.1'),
    });
    const { ask, heard, connector } = await open(url);
    for (let call = 0; call < 10; call++) await ask();
    expect([offered, connections.size]).toEqual([[['http/1.1']], 1]);
    expect(heard.gauges()).toEqual({ inFlight: 0, queued: 0, connections: 1 });
    await connector.close();
    while ([...connections].some(({ destroyed }) => !destroyed)) await turn();
  });

  test.each(['TLSv1.2', 'TLSv1.3'])(
    'resumes its session on a new connection, even after a collection (%s)',
    async (version) => {
      const reused: boolean[] = [];
      const answers = (socket: TLSSocket): void => {
        reused.push(socket.isSessionReused());
        socket.end(answer('{}', 'connection: close'));
      };
      const { ask } = await open(await tlsEnd(answers, { minVersion: version, maxVersion: version }));
      setFlagsFromString('--expose-gc');
      const collect: () => void = runInNewContext('gc');
      for (let call = 0; call < 3; call++) {
        await ask();
        for (let turns = 0; turns < 3; turns++) await turn();
        collect();
      }
      expect(reused).toEqual([false, true, true]);
    },
  );

  test.each(['connection: close', 'keep-alive: timeout=0'])(
    'does not use a connection again after %s',
    async (field) => {
      const connections = new Set<TLSSocket>();
      const url = await tlsEnd((socket) => void (connections.add(socket), socket.write(answer('{}', field))));
      const { ask } = await open(url);
      for (let call = 0; call < 3; call++) await ask();
      expect(connections.size).toBe(3);
    },
  );

  test('replaces a kept connection that the server has closed, and sends a call again whose connection is reset', async () => {
    let calls = 0;
    const url = await tlsEnd((socket) => {
      calls++;
      if (calls === 2) socket.destroy();
      else if (calls === 3) socket.end(answer('3'));
      else socket.write(answer(`${calls}`));
    });
    const { ask, heard } = await open(url);
    expect((await ask()).json).toBe('1');
    expect((await ask()).json).toBe('3');
    while (heard.gauges().connections > 0) await turn();
    expect((await ask()).json).toBe('4');
  });

  const whole = ['{"a":1}', '"12"', '12\n', '[1]'];
  test.each<[text: string, json: string]>([
    ...whole.map((body) => [untilClose(body), body.trim()] as [string, string]),
    [answer('12'), '12'],
    [chunked('2\r\n12\r\n0\r\n\r\n'), '12'],
  ])('takes %j from a connection that is closed after it, with close_notify and without', async (text, json) => {
    const closing = await tlsEnd((socket) => void socket.end(text), { maxVersion: 'TLSv1.2' });
    for (const url of [closing, await withoutAlerts(closing)]) {
      const { ask } = await open(url);
      expect((await ask()).json).toBe(json);
    }
  });

  test.each([
    ['bad_response', untilClose('12'), /a number without content-length: over TLS/],
    ['bad_response', untilClose('{"a":[12'), /is not JSON/],
    ['bad_response', untilClose(''), /has no body/],
    ['unreachable', answer('{"a":1}').slice(0, -1), /^no complete answer/],
    ['unreachable', chunked('2\r\n12\r\n'), /^no complete answer/],
    ['unreachable', 'HTTP/1.1 200 OK\r\ncontent-le', /^no complete answer/],
  ])(
    'fails with %s if the connection is closed after %j, with close_notify and without',
    async (code, text, message) => {
      const closing = await tlsEnd((socket) => void socket.end(text), { maxVersion: 'TLSv1.2' });
      for (const url of [closing, await withoutAlerts(closing)]) {
        const { ask } = await open(url);
        await expect(ask()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      }
    },
  );

  test.each([
    ['a key update (TLS 1.3)', '-tls1_3', 'K'],
    ['a renegotiation (TLS 1.2)', '-tls1_2', 'r'],
  ])('reads the answer after %s', async (_, version, command) => {
    const server = await OpensslServer.start([version, '-cert', 'server.crt', '-key', 'server.key'], files.folder);
    const records: number[] = [];
    const { ask } = await open(await passed(server.origin, (type) => records.push(type) > 0));
    for (const number of [1, 2, 3]) {
      const call = ask();
      await server.shows(/GET \/ HTTP\/1\.1[^]*?\r?\n\r?\n/);
      if (number > 1) {
        records.length = 0;
        server.write(`${command}\n`);
        // Written together with the command, the answer would be a part of it.
        while (records.length === 0) await turn();
        if (command === 'r') await server.shows(/SSL_do_handshake -> 1/);
      }
      server.write(answer(`${number}`));
      expect((await call).json).toBe(`${number}`);
    }
  });
});
