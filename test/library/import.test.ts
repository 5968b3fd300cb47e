import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import * as library from '../../src/index.ts';

const index = pathToFileURL('src/index.ts').href;

function run(script: string) {
  const args = ['--input-type=module', '--eval', script];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000, env: {} });
}

test('importing the library starts nothing and reads nothing: the process ends by itself, with nothing open', () => {
  const { status, stdout, stderr } = run(`
    import { syncBuiltinESMExports } from 'node:module';
    import fs from 'node:fs';
    const resources = () => process.getActiveResourcesInfo().sort().join();
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]).join();
    const before = [resources(), listeners()];
    // The loader reads the files of the library itself; no other file may be read.
    const read = [];
    const readFileSync = fs.readFileSync;
    fs.readFileSync = (file, ...rest) => { read.push(String(file)); return readFileSync(file, ...rest); };
    syncBuiltinESMExports();
    await import(${JSON.stringify(index)});
    console.log(JSON.stringify({ before, after: [resources(), listeners()], read: read.filter((file) => !/\\.ts$|package\\.json$/.test(file)) }));
  `);
  expect(stderr).toBe('');
  const { before, after, read } = JSON.parse(stdout) as Record<'before' | 'after' | 'read', string[]>;
  expect(after).toEqual(before);
  expect(read).toEqual([]);
  expect(status).toBe(0);
});

test('importing the library loads no outside package', () => {
  const { stdout } = run(`
    import { registerHooks } from 'node:module';
    const outside = [];
    registerHooks({ resolve(specifier, context, next) {
      if (!/^(\\.|file:|node:)/.test(specifier)) outside.push(specifier);
      return next(specifier, context);
    } });
    await import(${JSON.stringify(index)});
    console.log(JSON.stringify(outside));
  `);
  expect(JSON.parse(stdout)).toEqual([]);
});

test('a wait that has ended does not keep the process alive', () => {
  const { status, stdout } = run(`
    const { orderedWait } = await import(${JSON.stringify(index)});
    for await (const value of orderedWait([1, 2], async (value) => [value * 2], { timeout: 60_000 })) console.log(value);
    for await (const value of orderedWait([3, 4], () => new Promise((resolve) => setImmediate(resolve, [5])), { timeout: 60_000 })) { console.log(value); break; }
  `);
  expect([status, stdout]).toEqual([0, '2\n4\n5\n']);
});

test('the library exports exactly the names of its contract', () => {
  expect(Object.keys(library)).toEqual(
    expect.arrayContaining([
      'orderedWait',
      'unorderedWait',
      'keyedWait',
      'orderedWaitWithRetry',
      'unorderedWaitWithRetry',
      'keyedWaitWithRetry',
      'AsyncRetryStrategies',
      'RetryPredicates',
      'RichAsyncFunction',
      'Watermark',
      'defineLookup',
      'virtualClock',
    ]),
  );
});
