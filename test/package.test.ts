import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

/** Installs the tarballs of `npm pack`, each in an empty folder, as a user would. Takes about two minutes. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'));
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules', 'millrace');
const alone = join(folder, 'alone');
const installedAlone = join(alone, 'node_modules', '@millrace', 'async-wait');

/** npm sets variables that say where its scripts run. A nested npm runs elsewhere, so it must not get them. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_local_prefix|command)|INIT_CWD)/.test(name),
  ),
);

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Packs a folder with `npm pack`, and installs the tarball. */
function install(packed: string, project: string): void {
  const [{ filename }]: [{ filename: string }] = JSON.parse(
    run('npm', ['pack', packed, '--json', '--pack-destination', folder], process.cwd()).replace(/^[^[]*/, ''),
  );
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  npmInstall(project, join(folder, filename));
}

function npmInstall(project: string, ...packages: readonly string[]): void {
  run('npm', ['install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', ...packages], project);
}

/** Checks the types of a program with the settings of a project that uses the package. Returns the errors. */
function compile(project: string, name: string, program: string, ...options: readonly string[]): string {
  writeFileSync(join(project, name), program);
  const compiler = resolve('node_modules/typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', ...options];
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, ...strict, name], {
    cwd: project,
    encoding: 'utf8',
  });
  return stdout + stderr;
}

const withNodeTypes = ['--target', 'es2024', '--types', 'node', '--typeRoots', resolve('node_modules/@types')];

beforeAll(() => {
  install('.', consumer);
  install('./dist-async-wait', alone);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the installed command prints its help', () => {
  expect(run('npx', ['--no-install', 'millrace', '--help'], consumer)).toMatch(/serve[\s\S]*check[\s\S]*demo/);
});

test('the installed library is imported by its name, and the import starts nothing', () => {
  const program = `const before = process.getActiveResourcesInfo().length;
    const { orderedWait } = await import('millrace');
    if (process.getActiveResourcesInfo().length !== before) throw new Error('something was started');
    const out = [];
    for await (const value of orderedWait([1, 2, 3], async (n) => [n * 2], { timeout: 1000 })) out.push(value);
    console.log(out.join());`;
  expect(run(process.execPath, ['--input-type=module', '-e', program], consumer)).toBe('2,4,6\n');
});

test('the installed library contains its types', () => {
  const program = `import { orderedWait, type AsyncFn } from 'millrace';
    const double: AsyncFn<number, string> = async (n) => [String(n * 2)];
    export const right: AsyncIterable<string> = orderedWait([1, 2], double, { timeout: 1000 });
    // @ts-expect-error a timeout is required
    export const wrong = orderedWait([1, 2], double, {});\n`;
  expect(compile(consumer, 'consumer.ts', program, ...withNodeTypes)).toBe('');
});

test('the package has the compiled files and the data of the demo, but no sources and no tests', () => {
  const files = run('npm', ['ls', '--json', 'millrace'], consumer);
  expect(files).toContain('millrace');
  expect(readFileSync(join(installed, 'dist/demo-data/NOTICE'), 'utf8')).toMatch(/flights-20k\.json[\s\S]*source:/);
  expect(() => readFileSync(join(installed, 'src/index.ts'))).toThrow('ENOENT');
  // A source map is of no use without the sources.
  expect(globSync('dist/**/*.map', { cwd: installed })).toEqual([]);
  expect(readFileSync(join(installed, 'dist/index.js'), 'utf8')).not.toContain('sourceMappingURL');
  expect(() => readFileSync(join(installed, 'test/package.test.ts'))).toThrow('ENOENT');
  expect(globSync('**/*async-wait*/package.json', { cwd: installed })).toEqual([]);
});

function millrace(...args: readonly string[]) {
  const options = { cwd: consumer, env, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stderr } = spawnSync(process.execPath, [join(installed, 'dist/cli/main.js'), ...args], options);
  return { status, stderr };
}

describe('tracing, with its optional packages', () => {
  const yaml = `server: { port: 0, admin: { port: 0 } }
tracing:
  otlp: { url: http://127.0.0.1:4318 }
lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines: { rows: { enrich: [ { lookup: rows, with: { id: /id }, into: /row } ] } }
`;
  test('is a mistake of the configuration if they are missing; the message has the command that installs them', () => {
    writeFileSync(join(consumer, 'traced.yaml'), yaml);
    writeFileSync(join(consumer, 'untraced.yaml'), yaml.replace(/tracing:\n.*\n/, ''));
    writeFileSync(join(consumer, 'rows.csv'), 'id\n1\n');
    expect(existsSync(join(consumer, 'node_modules', '@opentelemetry', 'sdk-trace-base'))).toBe(false);
    expect(millrace('check', '-c', 'untraced.yaml')).toMatchObject({ status: 0 });
    const refused = millrace('check', '-c', 'traced.yaml');
    expect(refused).toMatchObject({
      status: 78,
      stderr: expect.stringMatching(
        /^traced\.yaml:2:1 tracing: needs OpenTelemetry.* npm install @opentelemetry\/api@/,
      ),
    });
    expect(millrace('serve', '-c', 'traced.yaml')).toEqual(refused);
    const command = /npm install (.*)$/m.exec(refused.stderr)?.[1] ?? '';
    expect(readFileSync('docs/tracing.md', 'utf8')).toContain(`\nnpm install ${command}\n`);

    npmInstall(consumer, ...command.split(' '));
    expect(millrace('check', '-c', 'traced.yaml')).toMatchObject({ status: 0 });
    const loads = `await import(${JSON.stringify(join(installed, 'dist/observability/tracing/tracing.js'))}); console.log('loaded');`;
    expect(run(process.execPath, ['--input-type=module', '-e', loads], consumer)).toBe('loaded\n');
  }, 300_000);
});

function exportsOf(name: string, project: string): readonly string[] {
  const program = `console.log(Object.keys(await import('${name}')).join())`;
  return run(process.execPath, ['--input-type=module', '-e', program], project).trim().split(',');
}

describe('@millrace/async-wait', () => {
  const doubled = `const out = [];
    for await (const value of orderedWait([1, 2, 3], async (n) => [n * 2], { timeout: 1000 })) out.push(value);`;

  test('has the same version and licence, no dependency, and only the files that it needs', () => {
    const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(installedAlone, 'package.json'), 'utf8'));
    const { version, license, engines }: Record<string, unknown> = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(manifest).toMatchObject({ name: '@millrace/async-wait', version, license, engines, type: 'module' });
    expect(Object.keys(manifest).filter((key) => /dependencies|scripts|bin/i.test(key))).toEqual([]);
    expect(readdirSync(join(alone, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['@millrace']);
    expect(readFileSync(join(installedAlone, 'LICENSE'), 'utf8')).toBe(readFileSync('LICENSE', 'utf8'));
    const files = globSync('**/*.*', { cwd: installedAlone }).map((file) => file.split('/'));
    expect(new Set(files.filter(([top]) => top === 'dist').map(([, room]) => room))).toEqual(
      new Set(['index.js', 'index.d.ts', 'core', 'library', 'lookup', 'operator']),
    );
    expect(files.filter(([top]) => top !== 'dist')).toEqual(expect.arrayContaining([['package.json'], ['README.md']]));
    // Each file is the same as in millrace.
    for (const [, ...path] of files.filter(([top]) => top === 'dist')) {
      const file = join('dist', ...path);
      expect(readFileSync(join(installedAlone, file), 'utf8')).toBe(readFileSync(join(installed, file), 'utf8'));
    }
  });

  test('has the same exports as millrace', () => {
    expect(exportsOf('@millrace/async-wait', alone)).toEqual(exportsOf('millrace', consumer));
  });

  test('runs in Node.js', () => {
    const program = `import { orderedWait, unorderedWaitWithRetry, virtualClock, AsyncRetryStrategies } from '@millrace/async-wait';
      ${doubled}
      const clock = virtualClock();
      const retryStrategy = AsyncRetryStrategies.fixedDelay({ maxAttempts: 1, delayMs: 10, ifError: () => true });
      const once = (n, { attempt }) => { if (attempt === 1) throw new Error('again'); return [n]; };
      const read = unorderedWaitWithRetry(ReadableStream.from([4]), once, { timeout: 100, clock, retryStrategy }).next();
      await clock.advance(10);
      out.push((await read).value);
      console.log(out.join());`;
    writeFileSync(join(alone, 'program.js'), program);
    expect(run(process.execPath, ['program.js'], alone)).toBe('2,4,6,4\n');
  });

  test('runs in a browser: it uses nothing that only Node.js has', { timeout: 120_000 }, async () => {
    const page = `<!doctype html><title>async-wait</title><pre></pre><script type="module">
      import { orderedWait, virtualClock } from '/dist/index.js';
      ${doubled}
      const stream = new ReadableStream({ start(to) { to.enqueue(4); to.close(); } });
      for await (const value of orderedWait(stream, async (n) => [n * 2], { timeout: 1000 })) out.push(value);
      const clock = virtualClock();
      const never = orderedWait([1], () => new Promise(() => {}), { timeout: 50, clock }).next();
      never.catch(({ code, input }) => out.push(code, input));
      await clock.advance(50);
      document.querySelector('pre').textContent = 'out: ' + out.join();
    </script>`;
    const server = createServer(({ url = '/' }, response) => {
      const file = join(installedAlone, url);
      if (url === '/') response.setHeader('content-type', 'text/html').end(page);
      else if (existsSync(file)) response.setHeader('content-type', 'text/javascript').end(readFileSync(file));
      else response.writeHead(404).end();
    });
    onTestFinished(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const profile = `--user-data-dir=${join(folder, 'chromium')}`;
    const shown = [...flags, profile, '--virtual-time-budget=10000', '--dump-dom', `http://127.0.0.1:${port}/`];
    const { stdout } = await promisify(execFile)('chromium', shown, { timeout: 100_000 });
    expect(stdout).toContain('<pre>out: 2,4,6,8,timeout,1</pre>');
  });

  const typed = `import { orderedWait, unorderedWaitWithRetry, AsyncRetryStrategies, RecordFailedError, RichAsyncFunction, Watermark, type AsyncFn, type ResultFuture, type WaitResults } from '@millrace/async-wait';
    const double: AsyncFn<number, string> = async (n, { signal }) => (signal.aborted ? [] : [String(n * 2)]);
    export const right: WaitResults<string> = orderedWait([1, 2], double, { timeout: 1000, endOfInput: 'lastAttempt' });
    export const streamed = orderedWait(new ReadableStream<number>(), async (n) => [n.toFixed()], { timeout: 1000 });
    export const barriers: AsyncIterable<string | Watermark<number>> = orderedWait([1, new Watermark(1)], double, { timeout: 1000 });
    class Rich extends RichAsyncFunction<number, number> {
      override asyncInvoke(input: number, result: ResultFuture<number>) { result.complete([input]); }
    }
    const retryStrategy = AsyncRetryStrategies.fixedDelay<number>({ maxAttempts: 1, delayMs: 5 });
    export const retried = unorderedWaitWithRetry(new Set([1]), new Rich(), { timeout: 1000, retryStrategy });
    export const seqOf = (error: unknown): number => (error instanceof RecordFailedError ? error.seq : -1);
    // @ts-expect-error a timeout is required
    export const wrong = orderedWait([1, 2], double, {});
    // @ts-expect-error the source gives text
    export const other = orderedWait(['a'], double, { timeout: 1000 });\n`;

  test.each([
    ['Node.js', withNodeTypes],
    ['a browser', ['--target', 'es2022', '--types', '', '--lib', 'es2022,dom,dom.iterable,dom.asynciterable']],
  ])('has types that need no other types, in a project for %s', (_where, options) => {
    expect(compile(alone, 'typed.ts', typed, ...options)).toBe('');
  });

  test('has a README whose example runs', () => {
    const readme = readFileSync(join(installedAlone, 'README.md'), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const fetched = `globalThis.fetch = async (url) => Response.json({ iata: url.slice(-3) });\n`;
    writeFileSync(join(alone, 'example.js'), fetched + example);
    const shown = run(process.execPath, ['example.js'], alone).trim().split('\n').toSorted();
    expect(shown).toEqual(["{ iata: 'FRA' }", "{ iata: 'MUC' }"]);
    const waits = exportsOf('@millrace/async-wait', alone).filter((name) => /Wait/.test(name));
    expect(waits.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});
