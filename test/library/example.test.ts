import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../src/index.ts';

const index = pathToFileURL('src/index.ts').href;
/** `millrace` is the package that a build of this checkout makes. */
const hook = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve: (specifier, context, next) => next(specifier === 'millrace' ? ${JSON.stringify(index)} : specifier, context),
  });
`)}`;

let database: ChildProcess;
let url = '';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

beforeAll(async () => {
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
  const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  database = started;
  // Without it: apt-get install redis-server.
  await once(started, 'spawn');
  for await (const line of started.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    if (String(line).includes('Ready to accept connections')) break;
  }
  started.stdout.resume();
  url = `redis://127.0.0.1:${port}`;
});

afterAll(async () => {
  if (database.exitCode !== null) return;
  const exit = once(database, 'exit');
  database.kill('SIGTERM');
  await exit;
});

async function run(file: string, input: string): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['--import', hook, file], { env: { REDIS_URL: url } });
  child.stdin.end(input);
  const exit = once(child, 'close');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await exit) as [number];
  return { code, out, err };
}

const readmeCodes = /printf '(.*)' \|/
  .exec(readFileSync('examples/library/README.md', 'utf8'))?.[1]
  ?.replaceAll('\\n', '\n');
const promised = /```\n(\{[\s\S]*?)```/.exec(readFileSync('examples/library/README.md', 'utf8'))?.[1];

test('docs/library.md shows the example unchanged, and names every export', () => {
  const page = readFileSync('docs/library.md', 'utf8');
  const shown = /<!-- examples\/library\/airports\.mjs -->\n```js\n([\s\S]*?)```/.exec(page)?.[1];
  expect(shown).toBe(readFileSync('examples/library/airports.mjs', 'utf8'));
  expect(Object.keys(library).filter((name) => !page.includes(name))).toEqual([]);
});

describe('examples/library, against a real Redis', { timeout: 60_000 }, () => {
  test('works as its README says', async () => {
    expect(await run('examples/library/load.mjs', '')).toEqual({ code: 0, out: '', err: '' });
    const { code, out, err } = await run('examples/library/airports.mjs', readmeCodes ?? '');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').toSorted()).toEqual(promised?.split('\n').toSorted());
  });

  test('takes many more codes than its capacity', async () => {
    const codes = Array.from({ length: 5000 }, (_, n) => (n % 2 === 0 ? 'FRA' : `X${n}`));
    const { code, out } = await run('examples/library/airports.mjs', `${codes.join('\n')}\n`);
    const lines = out.trimEnd().split('\n');
    expect([code, lines.length, lines.filter((line) => line.includes('Frankfurt')).length]).toEqual([0, 5000, 2500]);
  });

  test('ends with an error if the database is not there, and leaves nothing open', async () => {
    const exit = once(database, 'exit');
    database.kill('SIGTERM');
    await exit;
    const { code, out, err } = await run('examples/library/airports.mjs', 'FRA\n');
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('ECONNREFUSED');
  });
});
