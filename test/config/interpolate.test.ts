import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeReferences, interpolate } from '../../src/config/interpolate.ts';
import { complaints, load, small } from './loading.ts';

const sources = {
  env: { HOST: 'example.org', EMPTY: '', NESTED: '${HOST}' },
  readFile(name: string): string {
    if (name === '/run/secrets/token') return 's3cret\n';
    throw new Error('no such file');
  },
};
const textOf = (text: string): string => interpolate(text, sources).text;

describe('a reference', () => {
  test.each([
    ['http://${HOST}/x', 'http://example.org/x'],
    ['${MISSING:-a:b-c}', 'a:b-c'],
    ['${EMPTY:-full}', 'full'],
    ['[${EMPTY}]', '[]'],
    ['Bearer ${file:/run/secrets/token}', 'Bearer s3cret'],
    ['$${HOST} costs $5', '${HOST} costs $5'],
    ['${NESTED}', '${HOST}'],
  ])('%s becomes %s', (text, expected) => {
    expect(interpolate(text, sources)).toMatchObject({ text: expected, problems: [] });
  });

  test.each([
    ['${MISSING}', 'the environment variable MISSING is not set; set it, or write ${MISSING:-default}'],
    ['${file:/nowhere}', 'the file /nowhere can not be read: no such file'],
    [
      '${1X}',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
    [
      '${HOST',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
  ])('%s is refused with the reason', (text, problem) => {
    expect(interpolate(text, sources).problems).toEqual([problem]);
  });

  test('is shown without what was put in, and with what stands around it', () => {
    expect(interpolate('https://u:${HOST}@x/$${a}', sources).shown).toBe('https://u:***@x/${a}');
    expect(interpolate('plain $${a}', sources).shown).toBeUndefined();
  });
});

test('any text comes through unchanged when it is escaped', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', '\\') }), (text) => {
      expect(textOf(escapeReferences(text))).toBe(text);
    }),
  );
});

describe('in a file', () => {
  test('a reference is read as the number or the boolean that is expected there', () => {
    const text = `server: { port: "\${PORT}" }\n${small}    explode: \${EXPLODE}\n    timeout: \${T:-3s}\n`;
    const { config } = load(text, { env: { PORT: '9999', EXPLODE: 'true' } });
    expect(config.server.port).toBe(9999);
    expect(config.pipelines['flights']).toMatchObject({ explode: true, timeout: 3000 });
  });

  test('a reference stays text where text is expected', () => {
    const { config } = load(small.replace('iata: /origin', 'iata: { value: "${ID}" }'), { env: { ID: '0042' } });
    expect(config.pipelines['flights']?.enrich[0]?.with).toEqual({ iata: { value: '0042' } });
  });

  test('the name of a file starts from the folder of the configuration', () => {
    const text = small.replace("' } }", "', auth: { bearer: '${file:token.txt}' } } }");
    const { config } = load(text, { files: { 'token.txt': 'abc\r\n' } });
    expect(config.lookups['airport']?.http?.auth).toEqual({ bearer: 'abc' });
  });

  test('a reference without a value is told once, with its place', () => {
    expect(complaints(small.replace('into: /originAirport', 'into: "${PLACE}"'))).toEqual([
      'millrace.yaml:7:59 pipelines.flights.enrich[0].into: the environment variable PLACE is not set; set it, or write ${PLACE:-default}',
    ]);
  });

  test('a message never shows what a reference was replaced by', () => {
    const text = `${small}    capacity: \${N}\n    meta: "\${M}"\n`.replace('/originAirport', '"${POINTER}"');
    const lines = complaints(text, { env: { N: 'hunter2', M: 'hunter2', POINTER: 'hunter2' } });
    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});
