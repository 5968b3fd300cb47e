import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordErrors, requestErrors } from '../../src/core/errors.ts';
import { retryOptions } from '../../src/lookup/retry/retry-options.ts';
import { codes, page, root, rows, section } from './pages.ts';

const errors = page('errors.md');
const ofRecords = section(errors, '## Errors of a record').split('| code |')[1] ?? '';
const ofRequests = section(errors, '## Errors of a request');

test('docs/errors.md has every code of a record with its status, and no other', () => {
  const documented = rows(ofRecords).map(([code, status]) => [codes(code)[0], Number(status)]);
  expect(documented).toEqual(Object.entries(recordErrors).map(([code, { status }]) => [code, status]));
});

test('docs/errors.md says which codes of a record are retried by default', () => {
  const { on } = retryOptions.parse({ attempts: 1 });
  const documented = rows(ofRecords).flatMap(([code = '', , retried = '']): readonly (string | number)[] => {
    if (retried === 'yes') return codes(code);
    return retried.split(', ').map(Number).filter(Number.isInteger);
  });
  expect(new Set(documented)).toEqual(new Set(on));
});

test('docs/errors.md has every code of a request with its status, and no other', () => {
  const documented = rows(ofRequests).map(([code, status]) => [codes(code)[0], Number(status)]);
  expect(documented).toEqual(Object.entries(requestErrors).map(([code, { status }]) => [code, status]));
});

test('docs/troubleshooting.md quotes messages of lookups as the connectors and undici have them', () => {
  const files = globSync(['src/connectors/**/*.ts', 'node_modules/undici/lib/**/*.js'], { cwd: root });
  const sources = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const quoted = ['## unreachable', '## bad_response'].flatMap((heading) =>
    rows(section(page('troubleshooting.md'), heading)).flatMap(([what]) => codes(what)),
  );
  // A message of several words is one of ours or of undici; a single word is a code of the system.
  const phrases = quoted.filter(
    (text) => text.includes(' ') && text !== 'client: undici' && text !== 'read ECONNRESET',
  );
  expect(phrases.length).toBeGreaterThan(12);
  expect(phrases.filter((text) => !sources.includes(text))).toEqual([]);
});
