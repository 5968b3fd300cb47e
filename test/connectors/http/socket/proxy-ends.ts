import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as forward } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort, listening } from '../../../proxies/proxy.ts';
import { listen } from '../far-end.ts';
import type { Certificate } from '../client/both-ends.ts';

/** What a proxy was asked for. */
interface Asked {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly authorization: string | undefined;
}

export interface ScriptedProxy {
  readonly url: string;
  readonly asked: readonly Asked[];
  readonly sockets: readonly Socket[];
}

/** A proxy of a few lines. It takes every name for 127.0.0.1, as a proxy may know names that are unknown here. */
export async function scriptedProxy(certificate?: Certificate): Promise<ScriptedProxy> {
  const asked: Asked[] = [];
  const note = ({ method, url: target, headers }: IncomingMessage): void =>
    void asked.push({ method, target, authorization: headers['proxy-authorization'] });
  const server = certificate === undefined ? createServer() : createTlsServer(certificate);
  server.on('request', (request, response) => {
    note(request);
    const { port, pathname, search } = new URL(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const path = pathname + search;
    const next = forward({ host: '127.0.0.1', port, path, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(next);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    note(request);
    const next = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      next.pipe(socket).pipe(next);
    });
    next.on('error', () => socket.destroy());
    socket.on('error', () => next.destroy());
    onTestFinished(() => void next.destroy());
  });
  const { origin, sockets } = await listen(server);
  return { url: certificate === undefined ? origin : origin.replace('http:', 'https:'), asked, sockets };
}

/** Starts a proxy of Debian on a port of its own; ended with the test. `config` is its configuration file. */
async function realProxy(
  program: string,
  config: (port: number, folder: string) => string,
  args: (file: string) => string[],
) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-proxy-'));
  const port = await freePort();
  const file = join(folder, 'proxy.conf');
  writeFileSync(file, config(port, folder));
  const end = await listening(program, args(file), [port]);
  onTestFinished(async () => {
    await end();
    rmSync(folder, { recursive: true });
  });
  return port;
}

/** With the user `me` and this password. */
export function tinyproxy(password: string): Promise<number> {
  return realProxy(
    'tinyproxy',
    (port) => `Port ${port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Error\nBasicAuth me ${password}\n`,
    (file) => ['-d', '-c', file],
  );
}

/** Permits requests to 127.0.0.1, and tunnels to `tunnelPort` alone. */
export function squid(tunnelPort: number): Promise<number> {
  const rules = (port: number, folder: string): string => `
http_port 127.0.0.1:${port}
acl tunnels port ${tunnelPort}
acl CONNECT method CONNECT
http_access deny CONNECT !tunnels
http_access allow to_localhost
http_access deny all
access_log none
cache_log /dev/stderr
cache deny all
pid_filename ${join(folder, 'pid')}
coredump_dir ${folder}
netdb_filename none
shutdown_lifetime 0 seconds
${process.getuid?.() === 0 ? 'cache_effective_user proxy' : ''}
visible_hostname proxy.test
`;
  return realProxy('squid', rules, (file) => ['-N', '-f', file]);
}
