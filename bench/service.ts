import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Bench } from './bench.ts';
import { untilAnswered } from './downstream.ts';
import { stop } from './processes.ts';

export interface Service {
  readonly pid: number;
  readonly url: string;
}

export interface ServiceConfig {
  readonly lookups: object;
  readonly pipelines: object;
  /** Members of `server` beside the ports. */
  readonly server?: object;
}

/** The checkout that this file belongs to. */
export const ownRoot = join(import.meta.dirname, '..');

/** `millrace serve` of a checkout as a user would start it, in a process of its own, with these lookups and pipelines. */
export async function startService(
  bench: Bench,
  name: string,
  { server: more = {}, ...config }: ServiceConfig,
  root = ownRoot,
): Promise<Service> {
  const port = await freePort();
  const adminPort = await freePort();
  const server = { port, admin: { port: adminPort }, log: { level: 'warn' }, ...more };
  const scheme = 'tls' in more ? 'https' : 'http';
  const file = bench.file(`${name}.json`, JSON.stringify({ server, ...config }));
  const log = join(bench.folder, `${name}.log`);
  const output = openSync(log, 'w');
  const main = join(root, 'src', 'cli', 'main.ts');
  const started = performance.now();
  const child = spawn(process.execPath, [main, 'serve', '-c', file], { stdio: ['ignore', output, output] });
  bench.defer(() => stop(child));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the process ended after ${Math.round(performance.now() - started)} ms`);
  });
  ended.catch(() => {});
  try {
    await Promise.race([untilAnswered(`${scheme}://127.0.0.1:${adminPort}/readyz`), ended]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the service did not start: ${reason}; its log:\n${readFileSync(log, 'utf8')}`, { cause: error });
  }
  return { pid: child.pid ?? 0, url: `${scheme}://127.0.0.1:${port}/v1/enrich` };
}
