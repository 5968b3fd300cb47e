import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs/pages.ts';

/** A running `millrace serve`. */
export interface ServiceProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** Members of `server`. */
  readonly server?: object;
  /** The entry of the command line; default: the sources. */
  readonly main?: string;
}

/**
 * Starts the service in its own process, with its configuration in `folder` and three pipelines: `test`; `half`, which is the
 * same with `duplex: half`; and `strict`, which ends a stream at the first record that fails. Resolves when it listens.
 */
export async function startService(folder: string, options: ServiceOptions = {}): Promise<ServiceProcess> {
  const { server = {}, main = join(root, 'src/cli/main.ts') } = options;
  writeFileSync(join(folder, 'rows.csv'), 'id,name\n1,one\n2,two\n');
  const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
  const config = {
    server,
    lookups: { rows: { table: { file: 'rows.csv', key: 'id' } } },
    pipelines: { test: { enrich }, half: { enrich, duplex: 'half' }, strict: { enrich, onError: 'fail' } },
  };
  const file = join(folder, 'millrace.json');
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [main, 'serve', '-c', file, '--port', '0', '--admin-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  let output = '';
  for await (const text of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += String(text);
    const [, url, adminUrl] = /listens on (https?:\S+), admin on (https?:[^\s;]+)/.exec(output) ?? [];
    if (url === undefined || adminUrl === undefined) continue;
    child.stderr.resume();
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    return { url, adminUrl, pid: child.pid ?? 0, stop };
  }
  throw new Error(`the service ended:\n${output}`);
}
