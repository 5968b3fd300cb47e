import { createServer as createTlsServer } from 'node:https';
import { createSecureServer, createServer as createServerOfHttp2 } from 'node:http2';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import { http } from '../../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../../src/connectors/http/http-options.ts';
import { certificate, type Certificate } from '../client/both-ends.ts';
import { httpEnd, listen, openHttp, runtimeFor, tcpEnd } from '../far-end.ts';
import { scriptedProxy, squid, tinyproxy } from './proxy-ends.ts';

let own: Certificate;
beforeAll(() => {
  own = certificate();
});

/** The authority of `own` as a file, which a lookup names. */
function authority(): { readonly ca: string } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  writeFileSync(join(folder, 'ca.pem'), own.cert);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { ca: join(folder, 'ca.pem') };
}

function described({ url, headers }: { url?: string | undefined; headers: Record<string, unknown> }): string {
  return JSON.stringify({ url, host: headers['host'], proxy: headers['proxy-authorization'] });
}

/** The other system, over TLS or not; it answers with the path and the host that it was called with. */
async function otherSystem(tls: boolean): Promise<{ readonly origin: string; readonly port: string }> {
  const { origin } = tls
    ? await listen(createTlsServer(own, (request, response) => response.end(described(request))))
    : await httpEnd((request, response) => response.end(described(request)));
  return { origin: tls ? origin.replace('http:', 'https:') : origin, port: new URL(origin).port };
}

const withUser = (url: string, user: string): string => url.replace('//', `//${user}@`);
const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;

describe.each(['lean', 'undici'])('with client: %s', (client) => {
  test('a call over http goes to the proxy with its absolute address, and the connection is kept', async () => {
    const proxy = await scriptedProxy();
    const { port } = await otherSystem(false);
    const { ask } = await openHttp({
      url: `http://crm.test:${port}/a?b=c`,
      client,
      proxy: withUser(proxy.url, 'me:p%40ss%3Aword'),
    });
    for (let call = 0; call < 3; call += 1)
      expect((await ask()).json).toBe(`{"url":"/a?b=c","host":"crm.test:${port}"}`);
    const asked = { method: 'GET', target: `http://crm.test:${port}/a?b=c`, authorization: basic('me:p@ss:word') };
    expect(proxy.asked).toEqual([asked, asked, asked]);
    expect(proxy.sockets).toHaveLength(1);
  });

  test('a call over https goes through a tunnel, in which the certificate of the other system is checked', async () => {
    const proxy = await scriptedProxy();
    const { origin, port } = await otherSystem(true);
    const options = { url: `${origin}/a`, client, proxy: withUser(proxy.url, 'me:pass') };
    const { ask } = await openHttp({ ...options, tls: authority() });
    for (let call = 0; call < 3; call += 1) expect((await ask()).json).toBe(`{"url":"/a","host":"127.0.0.1:${port}"}`);
    expect(proxy.asked).toEqual([{ method: 'CONNECT', target: `127.0.0.1:${port}`, authorization: basic('me:pass') }]);
    const untrusting = await openHttp(options);
    await expect(untrusting.ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('its authority is not trusted') as string,
    });
    const otherName = await openHttp({ ...options, url: `https://crm.test:${port}/a`, tls: authority() });
    await expect(otherName.ask()).rejects.toMatchObject({
      message: expect.stringContaining('its certificate is for another host') as string,
    });
  });

  test.each([[false], [true]])(
    'the proxy itself may be called over TLS; the other system over TLS: %s',
    async (tls) => {
      const proxy = await scriptedProxy(own);
      const { origin, port } = await otherSystem(tls);
      const options = { url: `${origin}/a`, client, proxy: proxy.url };
      const { ask } = await openHttp({ ...options, tls: authority() });
      for (let call = 0; call < 2; call += 1)
        expect((await ask()).json).toBe(`{"url":"/a","host":"127.0.0.1:${port}"}`);
      expect(proxy.asked[0]).toMatchObject({ method: tls ? 'CONNECT' : 'GET' });
      const untrusting = await openHttp(options);
      await expect(untrusting.ask()).rejects.toMatchObject({
        message: expect.stringMatching(/no connection to the proxy https:\S+: its authority is not trusted/) as string,
      });
    },
  );

  test('many calls at a time go through as many tunnels', async () => {
    const proxy = await scriptedProxy();
    const { origin } = await otherSystem(true);
    const { ask } = await openHttp({ url: `${origin}/a`, client, proxy: proxy.url, tls: authority(), connections: 20 });
    await Promise.all(Array.from({ length: 200 }, () => ask()));
    expect(proxy.asked.length).toBeLessThanOrEqual(20);
  });

  test('tinyproxy takes both kinds of calls, and refuses wrong credentials', async () => {
    const port = await tinyproxy('s3cret');
    for (const tls of [false, true]) {
      const { origin, port: otherPort } = await otherSystem(tls);
      const options = { url: `${origin}/a`, client, tls: authority() };
      const { ask } = await openHttp({ ...options, proxy: `http://me:s3cret@127.0.0.1:${port}` });
      for (let call = 0; call < 3; call += 1)
        expect(JSON.parse((await ask()).json ?? '')).toMatchObject({ url: '/a', host: `127.0.0.1:${otherPort}` });
      const refusal = async (user: string): Promise<unknown> =>
        (await openHttp({ ...options, proxy: `http://${user}127.0.0.1:${port}` }))
          .ask()
          .catch((error: unknown) => error);
      expect(await refusal('')).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`the proxy http://127.0.0.1:${port} refused: 407: it wants`) as string,
        details: { final: true },
      });
      // tinyproxy answers wrong credentials with 401. Without a tunnel that may be the answer of the other system.
      const message = tls
        ? 'refused: 401: it wants other credentials'
        : `answered 401 through the proxy http://127.0.0.1`;
      expect(await refusal('me:wr0ng@')).toMatchObject({
        code: tls ? 'unreachable' : 'bad_status',
        message: expect.stringContaining(message) as string,
      });
    }
  });

  test('squid takes both kinds of calls, and refuses a tunnel to a port that it does not permit', async () => {
    const [plain, secure, other] = await Promise.all([otherSystem(false), otherSystem(true), otherSystem(true)]);
    const proxy = `http://127.0.0.1:${await squid(Number(secure.port))}`;
    for (const { origin } of [plain, secure]) {
      const { ask } = await openHttp({ url: `${origin}/a`, client, proxy, tls: authority() });
      for (let call = 0; call < 3; call += 1) expect(JSON.parse((await ask()).json ?? '')).toMatchObject({ url: '/a' });
    }
    const { ask } = await openHttp({ url: `${other.origin}/a`, client, proxy, tls: authority() });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot connect to ${other.origin}: the proxy ${proxy} refused: 403: it does not permit this address`,
    });
  });

  test.each<[string, string, string, boolean]>([
    [
      '407',
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n',
      'refused: 407: it wants other credentials, in the user and the password of the address of the proxy',
      true,
    ],
    ['403', 'HTTP/1.0 403\r\n\r\n', 'refused: 403: it does not permit this address', true],
    ['429', 'HTTP/1.1 429 Slow\r\n\r\n', 'refused: 429', false],
    [
      '502',
      'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\nno: ',
      'refused: 502: it does not reach this address',
      false,
    ],
    ['504', 'HTTP/1.1 504 s3cret of the proxy\r\n\r\n', 'refused: 504: the other system does not answer it', false],
    ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://s3cret/\r\n\r\n', 'refused: 302', false],
    ['101', 'HTTP/1.1 101 Switching\r\n\r\n', 'refused: 101', false],
  ])('a proxy that answers CONNECT with %s is an error that says so', async (_, answer, why, final) => {
    const proxy = await tcpEnd((socket) => void socket.once('data', () => socket.write(answer)));
    const { ask } = await openHttp({ url: 'https://crm.test/a', client, proxy: proxy.origin });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot connect to https://crm.test: the proxy ${proxy.origin} ${why}`,
      details: final ? { final: true } : {},
    });
  });

  test.each<[string, string | Buffer, string]>([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'its answer is not HTTP/1.1'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'its answer is not HTTP/1.1'],
    ['bytes in the tunnel', 'HTTP/1.1 200 OK\r\n\r\nx', 'it sent bytes of its own into the tunnel'],
    ['an endless head', Buffer.alloc(20_000, 'x'), 'the head of its answer is too large'],
  ])('a proxy that answers CONNECT with %s is an error that says so', async (_, answer, why) => {
    const proxy = await tcpEnd((socket) => void socket.once('data', () => socket.write(answer)));
    const { ask } = await openHttp({ url: 'https://crm.test/a', client, proxy: proxy.origin });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot connect to https://crm.test: no tunnel through the proxy ${proxy.origin}: ${why}`,
    });
    // The socket is not left open.
    await Promise.all(
      proxy.sockets.map(
        (socket) => new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.once('close', resolve))),
      ),
    );
  });

  test('a proxy that closes the connection, or is not there, is an error that says so', async () => {
    const closing = await tcpEnd((socket) => void socket.once('data', () => socket.destroy()));
    const closed = await openHttp({ url: 'https://crm.test/a', client, proxy: closing.origin });
    await expect(closed.ask()).rejects.toMatchObject({
      message: `cannot connect to https://crm.test: no tunnel through the proxy ${closing.origin}: it closed the connection`,
    });
    for (const url of ['http://crm.test/a', 'https://crm.test/a']) {
      const { ask } = await openHttp({ url, client, proxy: 'http://127.0.0.1:1' });
      await expect(ask()).rejects.toMatchObject({
        code: 'unreachable',
        message: `cannot connect to ${new URL(url).origin}: no connection to the proxy http://127.0.0.1:1: nothing listens there (connect ECONNREFUSED 127.0.0.1:1)`,
      });
    }
  });

  test('407 over http is an error of the proxy, and other statuses name it', async () => {
    const statuses = [407, 502];
    const proxy = await httpEnd((_, response) => response.writeHead(statuses.shift() ?? 500).end('{}'));
    const { ask } = await openHttp({ url: 'http://crm.test/a', client, proxy: withUser(proxy.origin, 'me:s3cret') });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `the proxy ${proxy.origin} refused: 407: it wants other credentials, in the user and the password of the address of the proxy`,
      details: { status: 407, final: true },
    });
    await expect(ask()).rejects.toMatchObject({
      code: 'bad_status',
      message: expect.stringContaining(`http://crm.test answered 502 through the proxy ${proxy.origin}: `) as string,
    });
  });

  test('a call that is cancelled, and a lookup that closes, while the proxy is silent leave no connection', async () => {
    const proxy = await tcpEnd(() => {});
    const { ask, connector } = await openHttp({ url: 'https://crm.test/a', client, proxy: proxy.origin });
    const context = new Cancellation();
    const asked = ask({}, context).catch((error: unknown) => error);
    while (proxy.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    context.cancel('left');
    expect(await asked).toMatchObject({ code: 'cancelled' });
    await connector.close();
    if (client === 'undici') for (const socket of proxy.sockets) socket.destroy();
    await Promise.all(
      proxy.sockets.map(
        (socket) => new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.resume().once('close', resolve))),
      ),
    );
  });
});

test('HTTP/2 goes through a tunnel, with TLS and without', async () => {
  const proxy = await scriptedProxy();
  const secure = await listen(createSecureServer(own, (_, response) => response.end('"h2"')));
  const plain = await listen(createServerOfHttp2((_, response) => response.end('"h2c"')));
  const options = { http2: true, proxy: proxy.url, tls: authority() };
  const overTls = await openHttp({ ...options, url: secure.origin.replace('http:', 'https:') });
  expect((await overTls.ask()).json).toBe('"h2"');
  const withoutTls = await openHttp({ ...options, url: plain.origin });
  expect((await withoutTls.ask()).json).toBe('"h2c"');
  expect(proxy.asked.map(({ method }) => method)).toEqual(['CONNECT', 'CONNECT']);
});

test('check --connect says what was reached through the proxy', async () => {
  const proxy = await scriptedProxy();
  const [plain, secure] = await Promise.all([otherSystem(false), otherSystem(true)]);
  const reach = async (url: string): Promise<string> => {
    const { connector } = await openHttp({ url, proxy: withUser(proxy.url, 'me:s3cret'), tls: authority() });
    return connector.reach(new Cancellation());
  };
  expect(await reach(secure.origin)).toBe(`connected to ${secure.origin} with TLSv1.3 through the proxy ${proxy.url}`);
  expect(await reach(plain.origin)).toBe(
    `connected to the proxy ${proxy.url}; whether it reaches ${plain.origin} is not known without a call`,
  );
});

test('a request for an access token has the proxy of the lookup, or its own, or none', async () => {
  const [first, second] = await Promise.all([scriptedProxy(), scriptedProxy()]);
  const system = await httpEnd((_, response) => response.end('{"access_token":"t-1"}'));
  const oauth2 = { tokenUrl: `${system.origin}/token`, clientId: 'me', clientSecret: 's3cret' };
  const asked = async (forTokens: object): Promise<readonly number[]> => {
    const before = [first.asked.length, second.asked.length];
    const { ask } = await openHttp({
      url: `${system.origin}/a`,
      proxy: first.url,
      auth: { oauth2: { ...oauth2, ...forTokens } },
    });
    await ask();
    return [first.asked.length - (before[0] ?? 0), second.asked.length - (before[1] ?? 0)];
  };
  expect(await asked({})).toEqual([2, 0]);
  expect(await asked({ proxy: second.url })).toEqual([1, 1]);
  expect(await asked({ proxy: 'none' })).toEqual([1, 0]);
  const refusing = await httpEnd((_, response) => response.writeHead(407).end());
  const { ask } = await openHttp({
    url: `${system.origin}/a`,
    auth: { oauth2: { ...oauth2, proxy: refusing.origin } },
  });
  await expect(ask()).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(`the proxy ${refusing.origin} refused: 407`) as string,
    details: { final: true },
  });
});

function findings(options: object): readonly unknown[] {
  return http.findings(httpOptions.parse({ allowAddresses: ['10.0.0.0/8'], proxy: 'http://p.test', ...options }));
}

describe('the option proxy', () => {
  test.each([
    ['proxy.test:3128'],
    ['socks5://p.test'],
    ['http://'],
    ['http://p.test/path'],
    ['http://p.test?x'],
    ['ftp://p.test'],
  ])('cannot be %s', (proxy) => {
    expect(httpOptions.safeParse({ url: 'http://a.example/', proxy }).success).toBe(false);
  });

  test.each([['none'], ['http://p.test:3128'], ['https://p.test/'], ['http://me:pa%20ss@[::1]:3128']])(
    'may be %s',
    (proxy) => {
      expect(httpOptions.safeParse({ url: 'http://a.example/', proxy }).success).toBe(true);
    },
  );

  test('with allowAddresses is a mistake if the proxy would resolve the name', () => {
    const message =
      'has a name, which the proxy resolves: allowAddresses cannot be checked; write an address, proxy: none, or no allowAddresses';
    expect(findings({ url: 'http://crm.test/' })).toEqual([{ path: ['url'], message }]);
    expect(findings({ url: 'http://crm.test/', proxy: 'none' })).toEqual([]);
    expect(findings({ url: 'http://10.1.1.1/' })).toEqual([]);
  });

  test('does not keep a denied address in the url from being a mistake', () => {
    const options = httpOptions.parse({
      url: 'http://10.1.1.1/',
      denyAddresses: ['private', '10.0.0.0/8'],
      proxy: 'http://p.test',
    });
    expect(() => http.create(options, runtimeFor())).toThrow('denyAddresses has 10.0.0.0/8');
  });
});
