import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The way from a page's name to its server, as an attacker's name server would show it. */
export interface Page {
  /** The host name of the page; its port is 80. */
  readonly host: string;
  /** The script of the page: the body of an async function. Its result is what the page found out. */
  readonly script: string;
  /** Every other path of the page's origin leads to this port on 127.0.0.1: the name was rebound. */
  readonly rebound?: number;
}

/** A page that is open. */
export interface OpenPage {
  /** The result of the script, as JSON. */
  readonly result: Promise<unknown>;
  close(): Promise<void>;
}

/** The options of a Chromium without a window, whose files are in this folder. */
export function headless(profile: string): readonly string[] {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  return [...flags, `--user-data-dir=${profile}`];
}

/** Opens a page in a real Chromium. */
export async function openPage({ host, script, rebound }: Page): Promise<OpenPage> {
  const reported = Promise.withResolvers<unknown>();
  const html = `<!doctype html><meta charset="utf-8"><body><script>
    (async () => { ${script} })().catch((error) => ({ failed: String(error) })).then((result) =>
      fetch('/of-the-page/report', { method: 'POST', body: JSON.stringify(result) }));
  </script>`;
  const server = createServer((request, response) => {
    if (request.url === '/of-the-page/report') {
      void text(request).then((body) => reported.resolve(JSON.parse(body)));
      response.end();
    } else if (request.url === '/of-the-page/') response.setHeader('content-type', 'text/html').end(html);
    else if (rebound !== undefined) passOn(request, response, rebound);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const profile = await mkdtemp(join(tmpdir(), 'millrace-chromium-'));
  const chromium = spawn(
    'chromium',
    [...headless(profile), `--host-resolver-rules=MAP ${host}:80 127.0.0.1:${port}`, `http://${host}/of-the-page/`],
    { stdio: 'ignore' },
  );
  chromium.once('error', reported.reject);
  chromium.once('exit', () => reported.reject(new Error('chromium ended before the page had a result')));
  return {
    result: reported.promise,
    async close() {
      if (chromium.exitCode === null && chromium.kill('SIGKILL')) await once(chromium, 'exit');
      server.closeAllConnections();
      server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Sends a request on with the head that the browser made: what arrives is what a rebound name brings. */
function passOn(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url: path, headers } = request;
  const next = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  next.on('error', () => response.destroy());
  request.pipe(next);
}
