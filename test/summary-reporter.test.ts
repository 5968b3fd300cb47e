import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

function lastLineOf(root: string, ...more: readonly string[]): { line: string | undefined; status: number | null } {
  const args = ['run', '--root', root, '--reporter', 'default', '--reporter', resolve('test/summary-reporter.ts')];
  const { stdout, status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', ...args, ...more], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { line: stdout.trimEnd().split('\n').at(-1), status };
}

test('the last line counts the tests that passed and failed; a file that cannot be loaded counts as failed', () => {
  expect(lastLineOf('test/fixtures/summary')).toEqual({ line: '2 passed, 2 failed', status: 1 });
});

test('coverage below its threshold counts as failed, in the last line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-coverage-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const coverage = ['--coverage.provider=v8', '--coverage.include=half.ts', `--coverage.reportsDirectory=${folder}`];
  const run = (threshold: number): unknown =>
    lastLineOf('test/fixtures/half-covered', '--coverage', ...coverage, `--coverage.thresholds.branches=${threshold}`);
  expect(run(100)).toEqual({ line: '1 passed, 1 failed', status: 1 });
  expect(run(50)).toEqual({ line: '1 passed, 0 failed', status: 0 });
});
