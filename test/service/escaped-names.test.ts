import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { type InProcess, startInProcess } from './in-process.ts';
import { folderOf } from './serving.ts';

/**
 * V8 (nodejs/node 63785) reads `größe` as another name, if that name looks like the source of `gr\u00f6\u00dfe` and was read
 * before in an object that begins alike.
 */
const size = String.raw`"gr\u00f6\u00dfe"`;
const poison = String.raw`{"id":1,"gr\\u0":0}`;
const small = `{"id":1,${size}:"a"}`;

async function started(pipeline: object): Promise<InProcess> {
  const far = createServer((request, response) => response.end(`{"id":1,${size}:"${request.url?.slice(1)}"}`));
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const rows = join(folderOf({ 'rows.ndjson': `${poison.replace('}', ',"größe":"z"}')}\n${small}\n` }), 'rows.ndjson');
  const service = await startInProcess(
    { far: { http: { url: `http://127.0.0.1:${port}/{size}` } }, rows: { table: { file: rows, key: 'größe' } } },
    pipeline,
  );
  // Another client sends its lines in each of the ways in which the service reads one.
  await service.enrich(`${poison}\n${poison.padEnd(70_000)}\n${poison.replace('}', ',"ö":1}')}\n`);
  return service;
}

const step = { lookup: 'far', with: { size: '/größe' }, into: '/answer' };
const answer = `{"id":1,${size}:"a"}`;
const enriched = `{"id":1,${size}:"a","answer":${answer}}`;

test.each([
  ['ordered', { enrich: [step] }],
  ['keyed by the name', { mode: 'keyed', key: '/größe', enrich: [step] }],
  ['with a `when` on the name', { enrich: [{ ...step, when: `record["größe"] == "a"` }] }],
  ['with `repeat.until` on the name', { enrich: [{ ...step, repeat: { until: `answer["größe"] == "a"`, max: 1 } }] }],
  ['from a table whose rows have the name', { enrich: [{ ...step, lookup: 'rows', with: { größe: '/größe' } }] }],
])('a name with escapes is read correctly, whatever another client sent before: %s', async (_what, pipeline) => {
  const { enrich, service } = await started(pipeline);
  expect(await enrich(`${small}\n`)).toBe(`${enriched}\n`);
  expect(await enrich(`${small}${' '.repeat(70_000)}\n`)).toContain(enriched.slice(0, -1));
  const single = await fetch(`${service.url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: small,
  });
  expect([single.status, await single.text()]).toEqual([200, enriched]);
  const explained = await fetch(`${service.url}/v1/explain/test`, { method: 'POST', body: small });
  expect(await explained.text()).not.toContain('error');
});

test('a value below a name with escapes is selected from an answer', async () => {
  const { enrich } = await started({
    enrich: [step, { ...step, with: { size: '/answer/größe' }, into: '/second' }],
  });
  expect(await enrich(`${small}\n`)).toBe(`${enriched.slice(0, -1)},"second":${answer}}\n`);
});
