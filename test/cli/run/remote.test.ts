import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startInProcess } from '../../service/in-process.ts';
import { folderOf, Millrace, serve, serveFolder } from '../../service/serving.ts';
import { tlsService } from '../../service/tls-service.ts';
import { env } from './fixture.ts';

const timeout = 60_000;
const input = '{"id":"1"}\n{"id":"2"}\n{}\n{"$id":1,"id":"1"}\n';
const output = [
  '{"id":"1","row":{"id":"1","name":"one"}}',
  '{"id":"2","row":null}',
  '{"$id":1,"id":"1","row":{"id":"1","name":"one"}}',
];

/** A service with a table, and a folder with the input. */
async function service(pipeline: object = {}, server: object = {}, limits: object = {}) {
  const folder = folderOf({ in: input, 'rows.csv': 'id,name\n1,one\n' });
  const started = await startInProcess(
    { mine: { table: { file: join(folder, 'rows.csv'), key: 'id' } } },
    { enrich: [{ lookup: 'mine', with: { id: '/id' }, into: '/row' }], ...pipeline },
    limits,
    server,
  );
  return { ...started, folder, url: `http://127.0.0.1:${started.port}` };
}

async function run(url: string, folder: string, ...args: readonly string[]) {
  const command = new Millrace(['run', 'test', '--in', join(folder, 'in'), '--url', url, ...args], { env });
  const [code] = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Answers the first connection itself, and passes each later one on to `port`. */
async function before(port: number, first: (socket: Socket) => void): Promise<string> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    client.on('error', () => {});
    connections += 1;
    if (connections === 1) return first(client);
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.add(far);
    far.on('error', () => client.destroy());
    client.pipe(far).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A pipeline that drops failed records. */
const dropping = (parameters: string) => `
lookups: { mine: { table: { file: rows.csv, key: id } } }
pipelines:
  test: { onError: drop, allow: { parameters: [${parameters}] }, enrich: [ { lookup: mine, with: { id: /id }, into: /row } ] }
`;

describe('millrace run --url', { timeout }, () => {
  test('has the output of the service, with failed records put aside as they were', async () => {
    const { url, folder } = await service();
    const errors = join(folder, 'errors');
    const annotated = await run(`${url}/`, folder);
    expect(annotated).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"_error":{"code":"missing_argument"'),
    });
    expect(annotated.stdout.split('\n')).toMatchObject([output[0], output[1], expect.any(String), output[2], '']);
    const aside = await run(url, folder, '--errors', errors);
    expect(aside).toMatchObject({ code: 0, stdout: `${output.join('\n')}\n` });
    expect(readFileSync(errors, 'utf8')).toBe('{}\n');
  });

  test('--errors asks a pipeline that drops failed records for their errors, and says so if that is not allowed', async () => {
    const files = { in: input, 'rows.csv': 'id,name\n1,one\n' };
    const folder = folderOf({ ...files, 'millrace.yaml': dropping('onError') });
    const errors = join(folder, 'errors');
    const allowed = await serveFolder(folder);
    expect(await run(allowed.url, folder, '--errors', errors)).toMatchObject({ code: 0 });
    expect(readFileSync(errors, 'utf8')).toBe('{}\n');
    const fixed = await serve({ ...files, 'millrace.yaml': dropping('mode') });
    const refused = await run(fixed.url, folder, '--errors', errors);
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('onError may not be set') });
  });

  test('a refusal that would not change ends it at once, with the reason of the service', async () => {
    const token = 'client-token-0123456789';
    const { url, folder } = await service({}, { auth: { bearerTokens: [token] } });
    expect(await run(url, folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the service answered 401: /),
    });
    const file = join(folder, 'token');
    writeFileSync(file, token);
    expect(await run(url, folder, '--token-file', file)).toMatchObject({ code: 0 });
    const capacity = await run(url, folder, '--token-file', file, '--capacity', '100000');
    expect(capacity).toMatchObject({ code: 1, stderr: expect.stringMatching(/answered 400: capacity is 100000; /) });
    const unknown = new Millrace(['run', 'other', '--url', url, '--in', join(folder, 'in'), '--token-file', file], {
      env,
    });
    expect((await unknown.ended)[0]).toBe(1);
    expect(unknown.stderr).toMatch(/answered 404: .*test/);
    expect(unknown.stderr).not.toContain('trying again');
  });

  test('a record that ends the stream (onError: fail) ends it, after what stands before it', async () => {
    const { url, folder } = await service({ onError: 'fail' });
    const failed = await run(url, folder);
    expect(failed).toMatchObject({ code: 1, stdout: `${output[0]}\n${output[1]}\n` });
    expect(failed.stderr).toContain('the service ended the stream: record_failed: line 3: missing_argument');
  });

  test('tries again as long as Retry-After says, and after a cut before the response', async () => {
    const { port, folder } = await service();
    const busy = await before(port, (socket) => {
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      );
    });
    const waited = await run(busy, folder);
    expect(waited.code).toBe(0);
    expect(waited.stderr).toContain('the service answered 503; trying again in 1.0 s');
    const reset = await run(await before(port, (socket) => void socket.resetAndDestroy()), folder);
    expect(reset).toMatchObject({ code: 0, stdout: waited.stdout, stderr: expect.stringContaining('trying again') });
    const silent = await before(port, (socket) => void socket.resume());
    const stalled = await run(silent, folder, '--stall-timeout', '300ms');
    expect(stalled).toMatchObject({ code: 0, stdout: waited.stdout });
    expect(stalled.stderr).toContain('the service sent nothing for 0.3 s (--stall-timeout); trying again');
  });

  test('a response that ends without its summary is not complete', async () => {
    const { port, folder } = await service();
    const short = await before(port, (socket) => {
      const body = '{"id":"1"}\n{"id":"2"}\n';
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    });
    const { code, stdout, stderr } = await run(short, folder);
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: 5 });
    expect(stderr).toContain('trying again');
  });

  test('gives up if there is no progress for --retry-for', async () => {
    const { folder } = await service();
    const { code, stderr } = await run('http://127.0.0.1:9', folder, '--retry-for', '400ms');
    expect(code).toBe(1);
    expect(stderr).toMatch(/nothing listens there \(.*\); no stream made progress for 0.4 s \(--retry-for\)/);
  });

  test('a stream that the service cuts because nothing was sent goes on with the next line', async () => {
    const { url, admin } = await service({}, {}, { idleTimeout: '1s' });
    const child = new Millrace(['run', 'test', '--url', url], { env, input: true });
    const stdin = child.child.stdin;
    if (stdin === null) throw new Error('no standard input');
    stdin.write('{"id":"1"}\n');
    const streams = async (): Promise<number> => (await admin.state()).streams.length;
    while ((await streams()) === 0) await turn();
    while ((await streams()) > 0) await turn();
    stdin.end('{"id":"2"}\n');
    expect(await child.ended).toEqual([0, null]);
    expect(child.stdout).toBe(`${output[0]}\n${output[1]}\n`);
    expect(child.stderr).not.toContain('trying again');
  });

  test('speaks TLS with the authority and the certificate that are named, and does not try again without them', async () => {
    const serving = await tlsService({});
    const folder = folderOf({ in: '{"id":"1"}\n' });
    const { url } = serving.service;
    const untrusted = await run(url, folder);
    expect(untrusted).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('its certificate is not trusted: name the PEM file'),
    });
    expect(untrusted.stderr).not.toContain('trying again');
    const trusted = await run(url, folder, '--cacert', join(serving.certificates.folder, 'ca.crt'));
    expect(trusted).toMatchObject({ code: 0, stdout: expect.stringContaining('{"id":"1"') });
  });
});
