import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf, Millrace, type ProcessOptions } from './serving.ts';
import { mounted } from './spooling.ts';

const pipelines = `lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ] } }`;

/** A directory that the process may not write to. A superuser may, so it gives up that right. */
function withoutRight(dir: string): ProcessOptions {
  chmodSync(dir, 0o555);
  return process.getuid?.() === 0
    ? { within: ['setpriv', '--inh-caps=-all', '--bounding-set=-dac_override,-dac_read_search'] }
    : {};
}

const readOnly = (dir: string): ProcessOptions => ({ within: mounted(dir, 'ro') });

test.each([
  ['without the right to write', withoutRight, 'EACCES: permission denied'],
  ['that is mounted read-only', readOnly, 'EROFS: read-only file system'],
] as const)(
  'a spool directory %s: serve says where it is configured and what to do, and does not start',
  async (_, options, why) => {
    const folder = folderOf({
      'millrace.yaml': `server: { spool: { dir: spool } }\n${pipelines}`,
      'rows.csv': 'id\n1\n',
    });
    const dir = join(folder, 'spool');
    mkdirSync(dir);
    const file = join(folder, 'millrace.yaml');
    const service = new Millrace(['serve', '-c', file, '--port', '0', '--admin-port', '0'], options(dir));
    expect(await service.ended).toEqual([78, null]);
    expect(service.stderr).toContain(
      `${file}:1:25 server.spool.dir: expected a directory that can be written to (${why}`,
    );
    expect(service.stderr).toContain(`create it, or correct the path or the rights: ${dir}`);
  },
);

test.each([
  ['without the right to write', withoutRight, 'EACCES: permission denied'],
  ['that is mounted read-only', readOnly, 'EROFS: read-only file system'],
] as const)(
  'a directory for temporary files %s: serve starts, and warns that nothing can be spooled',
  async (_, options, why) => {
    const folder = folderOf({ 'millrace.yaml': pipelines, 'rows.csv': 'id\n1\n' });
    const dir = join(folder, 'tmp');
    mkdirSync(dir);
    const args = ['serve', '-c', join(folder, 'millrace.yaml'), '--port', '0', '--admin-port', '0'];
    const service = new Millrace(args, { ...options(dir), env: { TMPDIR: dir } });
    await service.says(/listens on/);
    const [line] = await service.says(/^.*output cannot be spooled.*$/m);
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', dir });
    expect(line).toContain(`output cannot be spooled to ${dir} (${why}`);
    expect(line).toContain('set server.spool.dir');
  },
);
