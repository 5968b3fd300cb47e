import { createServer } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { listen } from '../http/start.ts';
import { freePort } from '../proxies/proxy.ts';
import { folderOf, type Serving, serveFolder } from '../service/serving.ts';

/** A service with a lookup over HTTP. It is killed in the middle of its calls, as often as the test says, and started again. */
export interface KilledService {
  readonly url: string;
  /** How often it was killed so far. */
  readonly kills: () => number;
  /** The process that runs now. */
  readonly running: () => Promise<Serving>;
}

/** Kills the service by SIGKILL at each of these calls of its lookup, counted since the start of the test. */
export async function killedService(atCalls: readonly number[], pipeline = ''): Promise<KilledService> {
  let calls = 0;
  let kills = 0;
  let serving: Promise<Serving>;
  const far = createServer((request, response) => {
    calls += 1;
    if (calls === atCalls[kills]) {
      kills += 1;
      serving = restarted(serving);
      // A client that gave up ends the test, and with it the process that starts.
      serving.catch(() => {});
    }
    response.end(JSON.stringify({ found: request.url }));
  });
  const farPort = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const folder = folderOf({
    'millrace.yaml': `
server: { cors: { origins: [http://page.example] } }
lookups: { far: { http: { url: "http://127.0.0.1:${farPort}/{key}" } } }
pipelines: { test: { ${pipeline} enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
  });
  const flags = ['--host', '127.0.0.1', '--port', String(await freePort()), '--admin-port', '0'];
  const start = (): Promise<Serving> => serveFolder(folder, undefined, flags);
  async function restarted(before: Promise<Serving>): Promise<Serving> {
    const { child, ended } = await before;
    child.kill('SIGKILL');
    await ended;
    return start();
  }
  serving = start();
  const { url } = await serving;
  return { url, kills: () => kills, running: () => serving };
}

/** Records with a key of their own each, so that each one is a call. */
export const keyed = (count: number): string =>
  Array.from({ length: count }, (_, n) => `{"n":${n},"key":"${n}","text":"grüße \u2028"}\n`).join('');

export const answeredKeyed = (count: number): string =>
  Array.from(
    { length: count },
    (_, n) => `{"n":${n},"key":"${n}","text":"grüße \u2028","answer":{"found":"/${n}"}}\n`,
  ).join('');

export const inFolder = (folder: string): readonly [source: string, target: string] => [
  join(folder, 'in.ndjson'),
  join(folder, 'out.ndjson'),
];
