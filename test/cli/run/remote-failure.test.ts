import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { proxied } from '../../proxies/proxy.ts';
import { startInProcess } from '../../service/in-process.ts';
import { folderOf, Millrace } from '../../service/serving.ts';
import { tlsService } from '../../service/tls-service.ts';
import { env } from './fixture.ts';

const timeout = 60_000;
const input = '{"id":"1"}\n';

function service(pipeline: object = {}, server: object = {}) {
  const rows = join(folderOf({ 'rows.csv': 'id,name\n1,one\n' }), 'rows.csv');
  const enrich = [{ lookup: 'mine', with: { id: '/id' }, into: '/row' }];
  return startInProcess({ mine: { table: { file: rows, key: 'id' } } }, { enrich, ...pipeline }, {}, server);
}

function started(url: string, args: readonly string[] = [], pipeline = 'test', more: NodeJS.ProcessEnv = {}): Millrace {
  const file = join(folderOf({ in: input }), 'in');
  return new Millrace(['run', pipeline, '--in', file, '--url', url, ...args], { env: { ...env, ...more } });
}

async function run(url: string, args: readonly string[] = [], pipeline = 'test') {
  const command = started(url, args, pipeline);
  const [code] = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** Exit code 1, at once, with this last line. */
const refused = (last: RegExp) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(String.raw`^millrace: \d records.*\nmillrace: ${last.source}\n$`)) as string,
});

/** A server that treats each connection in this way. */
async function listener(connected: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const accepting = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    connected(socket);
  });
  accepting.listen(0, '127.0.0.1');
  await once(accepting, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    accepting.close();
  });
  return `http://127.0.0.1:${(accepting.address() as AddressInfo).port}`;
}

const answering = (head: string, body: string): Promise<string> =>
  listener((socket) => {
    socket.resume();
    socket.end(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  });

describe('the last line of millrace run --url says what is wrong and what to do', { timeout }, () => {
  test.each([
    ['http://h:1/v1/enrich/x', 'write millrace run x --url http://h:1.'],
    ['https://h/base/v1/enrich/x/', 'write millrace run x --url https://h/base.'],
    ['http://h/v1', 'write millrace run PIPELINE --url http://h.'],
    ['http://h/base/?mode=keyed', 'write millrace run PIPELINE --url http://h/base.'],
    ['127.0.0.1:8080', 'write http://127.0.0.1:8080.'],
    ['localhost:8080', 'write http://localhost:8080.'],
  ])('%s is refused with exit code 2', async (url, hint) => {
    expect(await run(url)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(hint) });
  });

  test('a pipeline that is not there: the nearest one, and all of them', async () => {
    const { service: plain } = await service();
    expect(await run(plain.url, [], 'tset')).toEqual(
      refused(
        /http:\S+: the service answered 404: there is no pipeline "tset"; pipelines: test; did you mean "test"\?/,
      ),
    );
  });

  test('401: where the token belongs; 403: which pipeline it may not use', async () => {
    const tokens = { known: 'known-token-0123456789', other: 'other-token-0123456789' };
    const bearerTokens = Object.entries(tokens).map(([name, token]) => ({ name, token }));
    const { service: plain } = await service({ allow: { tokens: ['other'] } }, { auth: { bearerTokens } });
    const folder = folderOf({ ...tokens, wrong: 'wrong-token-0123456789' });
    const withToken = (file: string) => run(plain.url, ['--token-file', join(folder, file)]);
    const file = '; put the token into a file and name that with --token-file, or set MILLRACE_TOKEN';
    expect(await run(plain.url)).toEqual(refused(new RegExp(`http:.*answered 401: the request has no token.*${file}`)));
    expect(await withToken('wrong')).toEqual(
      refused(new RegExp(`http:.*answered 401: the token of the request.*${file}`)),
    );
    expect(await withToken('known')).toEqual(
      refused(/http:.*answered 403: the token of the request may not use pipeline "test"/),
    );
    expect((await withToken('other')).code).toBe(0);
    expect((await withToken('none')).stderr).toMatch(/--token-file \S+none cannot be read: there is no such file\n$/);
  });

  test('another listener, another server, a redirect', async () => {
    const { service: plain } = await service();
    const address = 'check the address: it is that of the listener for clients, in the first line of millrace serve';
    expect(await run(plain.adminUrl)).toEqual(refused(new RegExp(`http:.*answered 404: .*; ${address}`)));
    expect(await run(await answering('405 Not Allowed', '<html>'))).toEqual(
      refused(new RegExp(`http:\\S+: the service answered 405; ${address}`)),
    );
    expect(await run(await answering('200 OK\r\nContent-Type: text/html; charset=utf-8', '<html>'))).toEqual(
      refused(
        new RegExp(`http:\\S+: the answer is text/html; charset=utf-8, and not application/x-ndjson; ${address}`),
      ),
    );
    expect(await run(await answering('301 Moved\r\nLocation: https://h/', ''))).toEqual(
      refused(/http:.*answered 301; the redirect to https:\/\/h\/ is not followed: name that address with --url/),
    );
  });

  test('http:// to a port with TLS, of Millrace and of other servers, and https:// to one without', async () => {
    const secured = await tlsService();
    expect(await run(secured.service.url.replace('https:', 'http:'))).toEqual(
      refused(/http:.*answered 400: this port speaks TLS, and the request is plain HTTP: use https:\/\//),
    );
    const nginx = await proxied('nginx, HTTP');
    onTestFinished(() => nginx.stop());
    const hint = /http:\S+: .*it speaks TLS there: write https:\/\/ instead of http:\/\//;
    expect(await run(nginx.tlsUrl.replace('https:', 'http:'))).toEqual(refused(hint));
    const alert = await listener((socket) => {
      socket.resume();
      socket.end(Buffer.from([0x15, 0x03, 0x01, 0, 2, 2, 70]));
    });
    expect(await run(alert)).toEqual(refused(hint));
    const haproxy = await proxied('HAProxy');
    onTestFinished(() => haproxy.stop());
    const { code, stderr } = await run(haproxy.tlsUrl.replace('https:', 'http:'), ['--retry-for', '100ms']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('if it speaks TLS there, write https://'),
    });
    const { service: plain } = await service();
    expect(await run(plain.url.replace('http:', 'https:'))).toEqual(
      refused(/https:\S+: it does not speak TLS there: write http:\/\/ instead of https:\/\/ \(.*\)/),
    );
  });

  test('a certificate that is not trusted, is of another host, or is missing', async () => {
    const secured = await tlsService({
      tls: ', clientCa: ca.crt',
      prepare: (certificates, folder) => {
        certificates.authority('other').signed('client', 'ca', 'extendedKeyUsage=clientAuth');
        certificates.copy('ca.crt', join(folder, 'ca.crt'));
      },
    });
    const { url } = secured.service;
    const file = (name: string): string => join(secured.certificates.folder, name);
    const untrusted =
      /https:\S+: its certificate is not trusted: name the PEM file of its authority with --cacert, or set NODE_EXTRA_CA_CERTS \(.*\)/;
    expect(await run(url)).toEqual(refused(untrusted));
    expect(await run(url, ['--cacert', file('other.crt')])).toEqual(
      refused(
        /https:\S+: its certificate is not trusted: it was issued by none of the authorities in the file of --cacert \(.*\)/,
      ),
    );
    expect(await run(url.replace('127.0.0.1', 'localhost'), ['--cacert', file('ca.crt')])).toEqual(
      refused(/https:\S+: its certificate is for another host \(.*\)/),
    );
    expect(await run(url, ['--cacert', file('ca.crt')])).toEqual(
      refused(/https:\S+: it asks for a certificate: set --cert and --key \(.*\)/),
    );
    const client = ['--cert', file('client.crt'), '--key', file('client.key')];
    const extra = started(url, client, 'test', { NODE_EXTRA_CA_CERTS: file('ca.crt') });
    expect(await extra.ended).toEqual([0, null]);
  });
});
