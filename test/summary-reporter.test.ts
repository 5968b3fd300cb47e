import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

test('the last line counts the tests that passed and failed; a file that cannot be loaded counts as failed', () => {
  const args = ['run', '--root', 'test/fixtures/summary', '--reporter', 'default'];
  const { stdout, status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', ...args, '--reporter', resolve('test/summary-reporter.ts')],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 2 failed');
  expect(status).toBe(1);
});
