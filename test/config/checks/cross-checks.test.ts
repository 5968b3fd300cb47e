import { expect, test } from 'vitest';
import { complaints } from '../loading.ts';

const file = (timeout: string, retry: string) => `
lookups: { a: { http: { url: "http://127.0.0.1:9/{k}" }${retry} } }
pipelines:
  p:
    timeout: ${timeout}
    enrich: [{ lookup: a, with: { k: /k }, into: /a }]
`;

test('T5 a pipeline whose lookup has a retry needs a timeout', () => {
  expect(complaints(file('0s', ', retry: { attempts: 2 }'))).toEqual([
    'millrace.yaml:5:14 pipelines.p.timeout: expected a duration above 0s: lookup "a" has a retry, so its records need a timeout',
  ]);
});

test('a table has no concurrency, because its answers are there at once', () => {
  const text = `
lookups: { a: { table: { file: a.csv, key: k }, concurrency: 3 } }
pipelines: { p: { enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`;
  expect(complaints(text, { files: { 'a.csv': 'k\n1\n' } })).toEqual([
    'millrace.yaml:2:49 lookups.a.concurrency: a table answers at once, so there is nothing to limit; leave it out',
  ]);
});

test.each([
  ['http: { url: "http://127.0.0.1:9/{k}", method: POST }', 'a request with POST'],
  ['module: { file: a.mjs }', 'a call of a function'],
])('a lookup with %s is hedged only if it says that it is idempotent', (connector, call) => {
  const text = (hedge: string): string => `
lookups:
  a:
    ${connector}
    hedge: ${hedge}
pipelines: { p: { enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`;
  const files = { 'a.mjs': 'export default async () => [1];' };
  expect(complaints(text('{ after: p95, idempotent: true }'), { files })).toEqual([]);
  expect(complaints(text('{ after: p95 }'), { files }).join()).toContain(`lookups.a.hedge: ${call}`);
});
