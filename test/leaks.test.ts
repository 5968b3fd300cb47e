import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

test('a test that leaves a timer, or a listener on the process, fails', () => {
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'test/fixtures/leaks/vitest.config.ts',
      '--reporter',
      'tap-flat',
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], cwd: resolve(import.meta.dirname, '..') },
  );
  const verdicts = stdout
    .split('\n')
    .flatMap((line) => /^((?:not )?ok) .*> (leaves .+?) #/.exec(line)?.slice(1).join(': ') ?? []);
  expect(verdicts).toEqual([
    'not ok: leaves a timer',
    'not ok: leaves a listener',
    'ok: leaves nothing',
    'ok: leaves what was there before it',
  ]);
  expect(status).toBe(1);
});
