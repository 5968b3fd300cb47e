import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { page, root, section } from '../../docs/pages.ts';
import { programNames } from '../page-programs.ts';

const run = promisify(execFile);

test(
  'the command of docs/clients.md sends a body through each client that it is given, and prints what came of it',
  { timeout: 180_000 },
  async () => {
    const script = join(root, 'scripts/large-bodies.ts');
    const { stdout } = await run(process.execPath, [script, '--megabytes', '24', '--only', 'requests,aiohttp']);
    const [, , ...rows] = stdout.trimEnd().split('\n');
    const cells = rows.map((row) => row.trim().split(/ +/));
    const [requests = [], aiohttp = []] = cells;
    expect(requests.slice(0, 6)).toEqual(['requests', 'yes', '23500', '23500', 'yes', 'spooled']);
    expect(Number(requests[6])).toBeGreaterThan(5);
    expect(aiohttp.slice(0, 5)).toEqual(['aiohttp', 'yes', '23500', '23500', 'yes']);
  },
);

test('the table of docs/clients.md has each program of the page, and the browser', () => {
  const rows = section(page('clients.md'), '### 100 MB through each client').matchAll(/^\| (.+?) \| \d/gm);
  expect(Array.from(rows, ([, name]) => name)).toEqual([...programNames, 'browser fetch']);
});
