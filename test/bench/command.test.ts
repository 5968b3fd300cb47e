import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');

test.each([
  [['--only', 'a,z'], 'there is no benchmark "z"'],
  [['--only', ''], 'there is no benchmark ""'],
  [['--seed', 'x'], '--seed takes a whole number, not "x"'],
  [['--seed', ''], '--seed takes a whole number, not ""'],
  [['--fast'], "Unknown option '--fast'"],
])('npm run bench -- %j is refused with the usage, without a stack', (args, message) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr.startsWith(message)).toBe(true);
  expect(stderr).toContain('npm run bench -- [--only a,c]');
  expect(stderr).not.toMatch(/^\s+at /m);
});
