import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch, request } from 'undici';
import { compiled, python } from './page-programs.ts';

const run = promisify(execFile);

export type Version = '1' | '2';

/** One request of a probe. */
interface Asked {
  readonly url: string;
  readonly body: string;
}

/** How a client ended, as it reports it itself: `complete`, or `error` and a text. */
type Probe = (version: Version, asked: readonly Asked[], folder: string) => Promise<readonly string[]>;

/** A program that prints a line for each request. */
const program =
  (...command: readonly string[]): Probe =>
  async (version, asked, cwd) => {
    const [file = '', ...first] = command;
    const args = [...first, version, ...asked.flatMap(({ url, body }) => [url, body])];
    const { stdout } = await run(file, args, { cwd });
    return stdout.trimEnd().split('\n');
  };

/** A function that reads one answer to its end, and throws if it cannot. */
const reading =
  (read: (asked: Asked, version: Version, dispatcher: Agent) => Promise<unknown>): Probe =>
  async (version, asked) => {
    // The certificate is self-signed.
    const dispatcher = new Agent({ allowH2: version === '2', connect: { rejectUnauthorized: false } });
    const ends = asked.map((each) =>
      read(each, version, dispatcher).then(
        () => 'complete',
        (error: unknown) => `error ${String(error)}`,
      ),
    );
    const ended = await Promise.all(ends);
    await dispatcher.destroy();
    return ended;
  };

export const probes = {
  curl: reading(({ url, body }, version) =>
    run('curl', ['-ksS', version === '2' ? '--http2' : '--http1.1', '--data-binary', body, url]),
  ),
  fetch: reading(async ({ url, body }, _version, dispatcher) =>
    (await fetch(url, { method: 'POST', body: Buffer.from(body), dispatcher })).text(),
  ),
  undici: reading(async ({ url, body }, _version, dispatcher) =>
    (await request(url, { method: 'POST', body, dispatcher })).body.text(),
  ),
  'http.client': program(python, 'http_client.py'),
  'Go net/http': program('./probe'),
  'Java HttpClient': program('java', '-cp', '.', 'Probe'),
} satisfies Record<string, Probe>;

/** A folder with the probes that are programs of their own, compiled. */
export async function compiledProbes(): Promise<{ readonly folder: string; readonly remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-probes-'));
  for (const file of ['http_client.py', 'probe.go', 'Probe.java']) {
    copyFileSync(join(import.meta.dirname, 'probes', file), join(folder, file));
  }
  await Promise.all([
    compiled(folder, ['go', 'build', '-o', 'probe', 'probe.go']),
    compiled(folder, ['javac', 'Probe.java']),
  ]);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
