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
