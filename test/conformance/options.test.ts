import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.ts';
import { enriched, records, start } from '../http/start.ts';

const pipeline = { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] };
const settingsOf = (given: object) =>
  configSchema.parse({
    lookups: { far: { http: { url: 'http://127.0.0.1:1/{key}' } } },
    pipelines: { test: { ...pipeline, ...given } },
  }).pipelines['test'];

test("ALO-2 without options a lookup is ordered, with Flink's capacity of 100", () => {
  expect(settingsOf({})).toMatchObject({ mode: 'ordered', capacity: 100 });
});

test('ALO-2 the configuration sets the order, the number of calls at a time, and the timeout', () => {
  expect(settingsOf({ mode: 'unordered', capacity: 300, timeout: '3m' })).toMatchObject({
    mode: 'unordered',
    capacity: 300,
    timeout: 180_000,
  });
});

test('ALO-2 mode keyed needs a key in the configuration', () => {
  expect(() => settingsOf({ mode: 'keyed' })).toThrow('key');
  expect(settingsOf({ mode: 'keyed', key: '/key' })).toMatchObject({ mode: 'keyed' });
});

test('ALO-2 the parameters of a request override the configuration, within its limits', async () => {
  const { url, downstream } = await start({ pipeline: { mode: 'ordered', capacity: 1 } });
  downstream.hold = true;
  const ask = (query: string) =>
    fetch(`${url}/v1/enrich/test?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: records('a', 'b'),
    });
  const refused = await ask('capacity=2');
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('capacity')]);
  const wider = await start({ pipeline: { mode: 'ordered', capacity: 2 } });
  wider.downstream.hold = true;
  const response = fetch(`${wider.url}/v1/enrich/test?mode=unordered`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: records('a', 'b'),
  });
  await wider.downstream.until(() => wider.downstream.held.length === 2);
  const first = wider.downstream.held.find(({ key }) => key === 'b');
  first?.answer({ found: 'b' });
  const reader = (await response).body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  expect(Buffer.from(value ?? []).toString()).toBe(enriched('b'));
  wider.downstream.held.find(({ key }) => key === 'a')?.answer({ found: 'a' });
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read());
});
