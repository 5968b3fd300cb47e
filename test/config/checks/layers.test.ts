import { expect, test } from 'vitest';
import { complaints } from '../loading.ts';

const withLayer = (layer: string): string => `
lookups:
  a:
    http: { url: "http://127.0.0.1:9/{k}" }
    ${layer}
pipelines: { p: { enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`;

test.each([
  ['rateLimit: 50', 'rateLimit: expected a map such as { perSecond: 50 }, got 50'],
  ['hedge: p95', 'hedge: expected a map such as { after: p95 }, got "p95"'],
  ['hedge: { after: p99 }', 'hedge.after: expected p95, or a duration from 1ms to 1h, got "p99"'],
  ['breaker: true', 'breaker: expected a map such as { failureRatio: 0.5 }, got true'],
  ['retry: 3', 'retry: expected a map such as { attempts: 3 }, got 3'],
  ['cache: 5m', 'cache: expected a map such as { maxEntries: 10000, ttl: 5m }, got "5m"'],
  [
    'concurrency: { adaptive: true }',
    'concurrency.adaptive: expected a map such as { min: 1, max: 200 }, which observe needs as well, got true',
  ],
  [
    'concurrency: { observe: true }',
    'concurrency.adaptive: missing; expected a map such as { min: 1, max: 200 }, which observe needs as well',
  ],
])('%s is answered with the form that the layer has', (layer, complaint) => {
  expect(complaints(withLayer(layer)).map((line) => line.replace(/^\S+ lookups\.a\./, ''))).toEqual([complaint]);
});

test('the finding on a key in the wrong place names the place where it belongs', () => {
  expect(complaints(withLayer('deadlineHeader: X-Deadline'))).toEqual([
    'millrace.yaml:5:5 lookups.a.deadlineHeader: unknown key here; it belongs into http',
  ]);
});
