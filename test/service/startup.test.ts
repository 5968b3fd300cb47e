import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf, Millrace } from './serving.ts';

/** Loaded first: prints at the end of the process which packages it has loaded. */
const spy = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({ load(url, context, next) {
  const name = /node_modules[/]((?:@[^/]+[/])?[^/]+)/.exec(url)?.[1];
  if (name !== undefined) packages.add(name);
  return next(url, context);
} });
process.on('exit', () => process._rawDebug('loaded: ' + [...packages].toSorted().join(' ')));`;

async function packagesOf(until: RegExp | undefined, ...args: readonly string[]): Promise<readonly string[]> {
  const millrace = new Millrace(args, { node: ['--import', `data:text/javascript,${encodeURIComponent(spy)}`] });
  if (until !== undefined) {
    await millrace.says(until);
    millrace.child.kill('SIGTERM');
  }
  await millrace.ended;
  return /^loaded: (.*)$/m.exec(millrace.stderr)?.[1]?.split(' ') ?? [];
}

const serving = ['@fastify/swagger', 'fastify', 'pino', 'prom-client'];
const anyPort = ['--port', '0', '--admin-port', '0'];

function config(lookup: string): string {
  const pipelines = 'pipelines: { test: { enrich: [ { lookup: far, with: { id: /key }, into: /answer } ] } }';
  const files = { 'millrace.yaml': `lookups: { far: ${lookup} }\n${pipelines}\n`, 'rows.csv': 'id\n1\n' };
  return join(folderOf(files), 'millrace.yaml');
}

test('--help loads only the command line', async () => {
  expect(await packagesOf(undefined, '--help')).toEqual(['commander']);
});

test('check loads the packages that read a configuration, and none that serves or calls', async () => {
  const loaded = await packagesOf(undefined, 'check', '-c', config('{ http: { url: "http://127.0.0.1:1/{id}" } }'));
  expect(loaded).toEqual(expect.arrayContaining(['yaml', 'zod']));
  expect(loaded.filter((name) => [...serving, 'undici'].includes(name))).toEqual([]);
  const table = await packagesOf(undefined, 'check', '-c', config('{ table: { file: rows.csv, key: id } }'));
  expect(table.filter((name) => [...serving, 'undici'].includes(name))).toEqual([]);
});

test.each([
  ['', false],
  ['tracing: { otlp: { url: "http://127.0.0.1:1" } }', true],
])('serve with "%s" loads the SDK of OpenTelemetry: %s', async (tracing, expected) => {
  const file = config('{ http: { url: "http://127.0.0.1:1/{id}" } }');
  appendFileSync(file, tracing);
  const loaded = await packagesOf(/listens on/, 'serve', '-c', file, ...anyPort);
  expect(loaded).toContain('fastify');
  // prom-client loads `api`, which contains only interfaces.
  expect(loaded.some((name) => /^@opentelemetry\/(?!api$)/.test(name))).toBe(expected);
});

test.each([
  ['http: { url: "http://127.0.0.1:1/{id}" }', ['undici']],
  ['table: { file: rows.csv, key: id }', []],
])('serve with %s loads the packages %j for its lookups', async (lookup, needed) => {
  const loaded = await packagesOf(/listens on/, 'serve', '-c', config(`{ ${lookup} }`), ...anyPort);
  expect(loaded).toEqual(expect.arrayContaining(serving));
  // The schemas of routes are documentation only, so no validator is loaded.
  expect(loaded.filter((name) => ['undici', 'csv-parse', 'ajv'].includes(name))).toEqual(needed);
});

test('the first line has the addresses of both listeners, whatever is logged while lookups open', async () => {
  const source = `
export default class {
  open(runtime) { runtime.logger.warn('opening slowly'); }
  asyncInvoke(input, result) { result.complete([]); }
}`;
  const file = join(
    folderOf({
      'talks.mjs': source,
      'millrace.yaml': `lookups: { far: { module: { file: talks.mjs } } }
pipelines: { test: { enrich: [ { lookup: far, into: /answer } ] } }\n`,
    }),
    'millrace.yaml',
  );
  const millrace = new Millrace(['serve', '-c', file, ...anyPort]);
  await millrace.says(/opening slowly/);
  expect(millrace.stderr).toMatch(
    /^millrace listens on http:\/\/127\.0\.0\.1:\d+, admin on http:\/\/127\.0\.0\.1:\d+;/,
  );
  millrace.child.kill('SIGTERM');
  await millrace.ended;
  expect(millrace.stderr).toContain('"msg":"stopped"');
});

test('log lines from before a failed start are written', async () => {
  const source = `export default { open(runtime) { runtime.logger.warn('before the end'); throw new Error('no'); }, asyncInvoke() {} }`;
  const file = join(
    folderOf({
      'talks.mjs': source,
      'millrace.yaml': `lookups: { far: { module: { file: talks.mjs } } }
pipelines: { test: { enrich: [ { lookup: far, into: /answer } ] } }\n`,
    }),
    'millrace.yaml',
  );
  const millrace = new Millrace(['serve', '-c', file, ...anyPort]);
  expect(await millrace.ended).toEqual([1, null]);
  expect(millrace.stderr).toMatch(/before the end[^]*millrace: lookup "far"/);
});

test('serve starts without a directory to spool to, and warns of it', async () => {
  const gone = join(folderOf({}), 'gone');
  const file = config('{ http: { url: "http://127.0.0.1:1/{id}" } }');
  const service = new Millrace(['serve', '-c', file, ...anyPort], { env: { TMPDIR: gone } });
  await service.says(/listens on/);
  const [line] = await service.says(/^.*output cannot be spooled.*$/m);
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', dir: gone });
  expect(line).toContain('set server.spool.dir');
});
