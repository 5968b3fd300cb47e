import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..', '..', '..');

function fuzz(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const script = join(root, 'scripts', 'fuzz-http-client.ts');
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

test.each([
  [['abc'], 'ANSWERS is a whole number, at least 1, not "abc"'],
  [['0'], 'ANSWERS is a whole number, at least 1, not "0"'],
  [['-5'], 'ANSWERS is a whole number, at least 1, not "-5"'],
  [['200', 'x'], 'SEED is a whole number, at least 0, not "x"'],
  [['200', '1', '1.5'], 'SERIES is a whole number, at least 1, not "1.5"'],
  [['1', '2', '3', '4'], 'three numbers at most, not also "4"'],
])('npm run fuzz:http -- %j is refused with the usage', (args, message) => {
  const { status, stdout, stderr } = fuzz(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr.split('\n')[0]).toBe(message);
  expect(stderr).toContain('npm run fuzz:http -- [ANSWERS] [SEED] [SERIES]');
});

test('npm run fuzz:http -- --help prints the usage', () => {
  const { status, stdout } = fuzz('--help');
  expect([status, stdout.split('\n')[0]]).toEqual([0, 'npm run fuzz:http -- [ANSWERS] [SEED] [SERIES]']);
});

test('npm run fuzz:http says how many answers and series were compared, and the verdict in its last line', () => {
  const { status, stdout } = fuzz('200', '1', '10');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^200 answers: \d+ taken by both alike, \d+ refused by both, \d+ different:\n/);
  expect(stdout).toMatch(/\n8 series of calls over http: the same seen in \d+, \d+ different:\n/);
  expect(stdout).toMatch(/\n2 series of calls over https: /);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('Passed: every difference has a reason. Seed 1.');
});
