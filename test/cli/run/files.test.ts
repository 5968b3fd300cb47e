import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { env, runFolder } from './fixture.ts';

const main = join(import.meta.dirname, '../../../src/cli/main.ts');

/** The rights of files hold for root too, if it has not these capabilities. */
const bound = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : ['env'];

test.each([
  [['--in', 'none'], '--in none cannot be read: there is no such file'],
  [['--in', 'closed'], '--in closed cannot be read: this user has no permission to read it'],
  [['--in', 'a/b'], '--in a/b cannot be read: a part of its path is not a folder'],
  [['--in', 'a', '--out', 'none/out'], '--out none/out cannot be written: its folder does not exist'],
  [['--in', 'a', '--out', 'folder'], '--out folder cannot be written: it is a folder'],
  [
    ['--in', 'a', '--out', 'closed'],
    '--out closed cannot be written: this user has no permission to write to it, or to create it in its folder',
  ],
  [
    ['--in', 'a', '--out', 'o', '--errors', 'locked/e'],
    '--errors locked/e cannot be written: this user has no permission to write to it, or to create it in its folder',
  ],
  [['--in', 'a', '--out', 'o', '--state', 'none/s'], '--state none/s cannot be written: its folder does not exist'],
  [
    ['--in', 'a', '--out', 'o', '--state', 'locked/s'],
    '--state locked/s cannot be written: this user has no permission to write to it, or to create it in its folder',
  ],
  [['--in', 'a', '--out', 'o', '--state', 'folder'], '--state folder cannot be read: it is a folder'],
  [
    ['--in', 'a', '--out', 'o', '--state', 'closed'],
    '--state closed cannot be read: this user has no permission to read it',
  ],
])(
  '%j: a file that cannot be used is named, with the reason in plain words, before the first record',
  (args, message) => {
    const folder = runFolder({ a: '{"id":2}\n' });
    const file = (name: string): string => join(folder, name);
    writeFileSync(file('closed'), '');
    chmodSync(file('closed'), 0);
    for (const name of ['folder', 'locked']) mkdirSync(file(name));
    chmodSync(file('locked'), 0o500);
    const [program = '', ...before] = bound;
    const command = [...before, process.execPath, main, 'run', 'ordered', '-c', 'millrace.yaml', ...args];
    const { status, stdout, stderr } = spawnSync(program, command, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: `millrace: ${message}\n` });
    expect(readFileSync(file('a'), 'utf8')).toBe('{"id":2}\n');
  },
);
