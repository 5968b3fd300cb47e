import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess } from '../service/in-process.ts';
import { folderOf } from '../service/serving.ts';
import { keyed } from './killed-service.ts';
import { compileMs, compressingNames, PagePrograms, programNames } from './page-programs.ts';

const names = [...programNames, ...compressingNames];
const page = new PagePrograms(50);
beforeAll(() => page.prepare(names), compileMs);
afterAll(() => page.remove());

const old = 'the result of yesterday\n';

async function pipeline(): Promise<string> {
  const file = join(folderOf({ 'rows.csv': 'id\na\n' }), 'rows.csv');
  const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
  const { service } = await startInProcess({ rows: { table: { file, key: 'id' } } }, { enrich });
  return `${service.url}/v1/enrich/test`;
}

describe.each(names)('the program of docs/clients.md for %s', { timeout: 60_000 }, (name) => {
  test('ends with 1 and the name of the file if IN does not exist, and leaves OUT as it is', async () => {
    const folder = folderOf({ 'out.ndjson': old });
    const [source, target] = [join(folder, 'in.ndjson'), join(folder, 'out.ndjson')];
    const ended = await page.run(name, await pipeline(), source, target);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(source) as string });
    expect(readFileSync(target, 'utf8')).toBe(old);
  });

  test('ends with 1 if IN cannot be read', async () => {
    // A folder can be opened by most, and read by none.
    const [source, target] = [folderOf({}), join(folderOf({}), 'out.ndjson')];
    const ended = await page.run(name, await pipeline(), source, target);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/is a directory|EISDIR/i) as string });
    expect(existsSync(target) ? readFileSync(target, 'utf8') : '').toBe('');
  });

  test('ends with 1 if OUT cannot be written', async () => {
    const folder = folderOf({ 'in.ndjson': keyed(10) });
    const target = join(folder, 'out.ndjson');
    symlinkSync('/dev/full', target);
    const ended = await page.run(name, await pipeline(), join(folder, 'in.ndjson'), target);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).not.toBe('');
  });
});
