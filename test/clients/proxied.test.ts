import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runPage } from '../http/access/browser.ts';
import { proxyBefore } from '../proxies/proxy.ts';
import { startInProcess } from '../service/in-process.ts';
import { folderOf } from '../service/serving.ts';
import { cuttingProxy } from './cutting-proxy.ts';
import { answeredKeyed, inFolder, keyed, killedService } from './killed-service.ts';
import { compileMs, PagePrograms, programNames, shown } from './page-programs.ts';

// A program that goes on for ever is ended before the time of its test.
const page = new PagePrograms(50);
beforeAll(() => page.prepare(), compileMs);
afterAll(() => page.remove());

const count = 2000;
const mark = '{"$watermark":"half past"}\n';

/** Records of which some have a bare CR and U+2028, where readers of text see the end of a line; and a watermark. */
const lines = (more: string): string[] =>
  Array.from({ length: count }, (_, n) =>
    n === 1450 ? mark : `{"n":${n},${n % 100 === 7 ? '\r' : ''}"key" :\t"a","text":"grüße \u2028"${more}}\n`,
  );
const records = lines('').join('').trimEnd();
const answered = lines(',"answer":{"id":"a"}')
  .filter((line) => line !== mark)
  .join('');

/** Where a program that takes a part for the whole, or a watermark for a checkpoint, loses or repeats records. */
const cuts = ['{"$checkpoint":{"next":10', mark, '{"$checkpoint":{"next":2000,"pending":[]}}\n'];

async function cut(): ReturnType<typeof cuttingProxy> {
  const file = join(folderOf({ 'rows.csv': 'id\na\n' }), 'rows.csv');
  const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
  const cors = { origins: ['http://page.example'] };
  const { service } = await startInProcess({ rows: { table: { file, key: 'id' } } }, { enrich }, {}, { cors });
  return cuttingProxy(service.url, cuts);
}

describe.each(programNames)('the program of docs/clients.md for %s', { timeout: 60_000 }, (name) => {
  const files = inFolder(page.place(name));
  const [source, target] = files;

  test('has each record once behind nginx as an HTTP proxy, although the service is killed in the middle', async () => {
    const { url, kills } = await killedService([1300]);
    const nginx = await proxyBefore('nginx, HTTP', { url, adminUrl: url }, folderOf({}));
    onTestFinished(nginx.end);
    writeFileSync(source, keyed(2500));
    expect(await page.run(name, `${nginx.url}/v1/enrich/test`, ...files)).toMatchObject({ code: 0 });
    expect(kills()).toBe(1);
    expect(readFileSync(target, 'utf8') === answeredKeyed(2500)).toBe(true);
  });

  test('has each record once, byte for byte, if a proxy drops trailers and ends responses anywhere', async () => {
    const { url, left } = await cut();
    writeFileSync(source, records);
    // Of a run that was killed.
    writeFileSync(`${target}.part`, '{"stale":true}\n{"$summary":{"status":"complete"}}\n');
    expect(await page.run(name, `${url}/v1/enrich/test`, ...files)).toMatchObject({ code: 0 });
    expect(left()).toEqual([]);
    expect(readFileSync(target, 'utf8') === answered).toBe(true);
  });
});

test('the function for a browser has each record once as well', { timeout: 90_000 }, async () => {
  const { url, left } = await cut();
  const sent = [`${url}/v1/enrich/test`, records.split('\n')].map((value) => JSON.stringify(value)).join(', ');
  const script = `
    ${shown('resume_browser.js')}
    const taken = [];
    await enrich(${sent}, (records) => taken.push(...records));
    return taken;`;
  const taken = (await runPage({ host: 'page.example', script })) as string[];
  expect(left()).toEqual([]);
  expect(taken.map((line) => `${line}\n`).join('') === answered).toBe(true);
});
