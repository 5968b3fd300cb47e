import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** What a user gets: the tarball of `npm pack`, installed in an empty folder. Takes about a minute. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'));
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules', 'millrace');

/** npm tells its scripts where they run; a nested npm must not believe it is there as well. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_local_prefix|command)|INIT_CWD)/.test(name),
  ),
);

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

beforeAll(() => {
  run('npm', ['pack', '--pack-destination', folder], process.cwd());
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{ "private": true, "type": "module" }\n');
  const manifest: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
  const tarball = join(folder, `millrace-${manifest.version}.tgz`);
  run('npm', ['install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', tarball], consumer);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the installed command says how it is used', () => {
  expect(run('npx', ['--no-install', 'millrace', '--help'], consumer)).toMatch(/serve[\s\S]*check[\s\S]*demo/);
});

test('the installed library is imported by its name, and importing it does nothing', () => {
  const program = `const before = process.getActiveResourcesInfo().length;
    const { orderedWait } = await import('millrace');
    if (process.getActiveResourcesInfo().length !== before) throw new Error('something was started');
    const out = [];
    for await (const value of orderedWait([1, 2, 3], async (n) => [n * 2], { timeout: 1000 })) out.push(value);
    console.log(out.join());`;
  expect(run(process.execPath, ['--input-type=module', '-e', program], consumer)).toBe('2,4,6\n');
});

test('the installed library brings its types', () => {
  const program = `import { orderedWait, type AsyncFn } from 'millrace';
    const double: AsyncFn<number, string> = async (n) => [String(n * 2)];
    export const right: AsyncIterable<string> = orderedWait([1, 2], double, { timeout: 1000 });
    // @ts-expect-error a timeout is required
    export const wrong = orderedWait([1, 2], double, {});\n`;
  writeFileSync(join(consumer, 'consumer.ts'), program);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  const typeRoots = ['--typeRoots', resolve('node_modules/@types')];
  const compiler = resolve('node_modules/typescript/bin/tsc');
  expect(run(process.execPath, [compiler, ...options, ...typeRoots, 'consumer.ts'], consumer)).toBe('');
});

test('the package holds what is used of it, and no sources or tests', () => {
  const files = run('npm', ['ls', '--json', 'millrace'], consumer);
  expect(files).toContain('millrace');
  expect(readFileSync(join(installed, 'dist/cli/demo-data/NOTICE'), 'utf8')).toMatch(/flights-20k\.json[\s\S]*source:/);
  expect(() => readFileSync(join(installed, 'src/index.ts'))).toThrow('ENOENT');
  // A map to sources that are not there would be worse than none.
  expect(globSync('dist/**/*.map', { cwd: installed })).toEqual([]);
  expect(readFileSync(join(installed, 'dist/index.js'), 'utf8')).not.toContain('sourceMappingURL');
  expect(() => readFileSync(join(installed, 'test/package.test.ts'))).toThrow('ENOENT');
});
