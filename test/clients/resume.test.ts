import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folderOf } from '../service/serving.ts';
import { startInProcess } from '../service/in-process.ts';
import { answeredKeyed, inFolder, keyed, killedService } from './killed-service.ts';
import { compileMs, PagePrograms, programNames } from './page-programs.ts';

const page = new PagePrograms();
beforeAll(() => page.prepare(), compileMs);
afterAll(() => page.remove());

const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
const table = (): object => ({
  rows: { table: { file: join(folderOf({ 'rows.csv': 'id\na\nb\n' }), 'rows.csv'), key: 'id' } },
});
const records = '{"n":0,"key":"a"}\n{"n":1,"key":null}\n{"n":2,"key":"b"}\n';

describe.each(programNames)('the program of docs/clients.md for %s', { timeout: 60_000 }, (name) => {
  const files = inFolder(page.place(name));
  const [source, target] = files;

  test('ends with 0 after a complete response, and a record that failed has its _error among the others', async () => {
    const { service } = await startInProcess(table(), { enrich });
    writeFileSync(source, records);
    expect(await page.run(name, `${service.url}/v1/enrich/test`, ...files)).toMatchObject({ code: 0 });
    const [first, failed, last, ...more] = readFileSync(target, 'utf8').split('\n');
    expect([first, last, more]).toEqual([
      '{"n":0,"key":"a","answer":{"id":"a"}}',
      '{"n":2,"key":"b","answer":{"id":"b"}}',
      [''],
    ]);
    expect(JSON.parse(failed ?? '')).toMatchObject({ n: 1, _error: { code: 'missing_argument', line: 2 } });
  });

  test('ends with 1 and the reason if the service ends the stream, or refuses it', async () => {
    const { service } = await startInProcess(table(), { enrich, onError: 'fail' });
    writeFileSync(source, records);
    const cut = await page.run(name, `${service.url}/v1/enrich/test`, ...files);
    expect(cut).toMatchObject({ code: 1, stderr: expect.stringContaining('/key is null') as string });
    const refused = await page.run(name, `${service.url}/v1/enrich/tset`, ...files);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown_pipeline') as string });
  });

  test('loses nothing and repeats nothing if the service is killed twice in the middle', async () => {
    const { url, kills } = await killedService([1300, 2600]);
    writeFileSync(source, keyed(2500));
    expect(await page.run(name, `${url}/v1/enrich/test`, ...files)).toMatchObject({ code: 0 });
    expect(kills()).toBe(2);
    // Compared as a boolean: a diff of thousands of lines is not readable.
    expect(readFileSync(target, 'utf8') === answeredKeyed(2500)).toBe(true);
  });
});

const sorted = (text: string): string => text.split('\n').toSorted().join('\n');

test.each(['requests', 'undici', 'Go net/http'] as const)(
  '%s resumes with pending lines too: unordered, the output has each record once',
  { timeout: 60_000 },
  async (name) => {
    const { url, kills } = await killedService([1500], 'mode: unordered, ');
    const [source, target] = inFolder(page.place(`${name}, unordered`));
    writeFileSync(source, keyed(2500));
    expect(await page.run(name, `${url}/v1/enrich/test`, source, target)).toMatchObject({ code: 0 });
    expect(kills()).toBe(1);
    expect(sorted(readFileSync(target, 'utf8')) === sorted(answeredKeyed(2500))).toBe(true);
  },
);
