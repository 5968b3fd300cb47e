import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeReferences, interpolate } from '../../../src/config/document/interpolate.ts';
import { marked } from '../../../src/core/secrets/reference-text.ts';
import { complaints, folder, load, small } from '../loading.ts';

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
    ['${MISSING:-${HOST}}', 'example.org'],
    ['${MISSING:-a${EMPTY:-b${MISSING:-c}}d}e', 'abcde'],
    ['${HOST:-${MISSING}}', 'example.org'],
    ['${MISSING:-${file:/run/secrets/${KIND:-token}}}', 's3cret'],
    ['${MISSING:-$${HOST}', '${HOST'],
    ['${MISSING:-{}', '{'],
    ['${MISSING:-}', ''],
  ])('%s becomes %s', (text, expected) => {
    expect(interpolate(text, sources)).toMatchObject({ text: expected, problems: [] });
  });

  test.each([
    ['${MISSING}', 'the environment variable MISSING is not set; set it, or write ${MISSING:-default}'],
    ['${file:/nowhere}', 'the file /nowhere cannot be read: no such file'],
    [
      '${1X}',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
    ['${A:-${B:-${C}}}', 'the environment variable C is not set; set it, or write ${C:-default}'],
    [`${'${A:-'.repeat(9)}x${'}'.repeat(9)}`, 'references are nested more than 8 deep'],
    [
      '${A:-${B}',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
    [
      '${HOST-x}',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
    [
      '${HOST',
      'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
    ],
  ])('%s is refused with the reason', (text, problem) => {
    expect(interpolate(text, sources).problems).toEqual([problem]);
  });

  test('is hidden when shown, and the text before and after it is not', () => {
    expect(interpolate('https://u:${HOST}@x/$${a}', sources).shown).toBe('https://u:***@x/${a}');
    expect(interpolate('plain $${a}', sources).shown).toBeUndefined();
  });
});

test('any escaped text is read as the original', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', '\\') }), (text) => {
      expect(textOf(escapeReferences(text))).toBe(text);
    }),
  );
});

describe('in a file', () => {
  test('a reference is read as a number or a boolean if the key expects one', () => {
    const text = `server: { port: "\${PORT}" }\n${small}    explode: \${EXPLODE}\n    timeout: \${T:-3s}\n`;
    const { config } = load(text, { env: { PORT: '9999', EXPLODE: 'true' } });
    expect(config.server.port).toBe(9999);
    expect(config.pipelines['flights']).toMatchObject({ explode: true, timeout: 3000 });
  });

  test('a reference stays text if the key expects text', () => {
    const { config } = load(small.replace('iata: /origin', 'iata: { value: "${ID}" }'), { env: { ID: '0042' } });
    expect(config.pipelines['flights']?.enrich[0]?.with).toEqual({ iata: { value: marked('0042') } });
  });

  test('the name of a file is relative to the folder of the configuration', () => {
    const text = small.replace("' } }", "', auth: { bearer: '${file:token.txt}' } } }");
    const { config } = load(text, { files: { 'token.txt': 'abc\r\n' } });
    expect(config.lookups['airport']?.http?.auth).toEqual({ bearer: 'abc' });
  });

  test('a reference without a value is reported once, with its place', () => {
    expect(complaints(small.replace('into: /originAirport', 'into: "${PLACE}"'))).toEqual([
      'millrace.yaml:7:59 pipelines.flights.enrich[0].into: the environment variable PLACE is not set; set it, or write ${PLACE:-default}',
    ]);
  });

  test('a message never shows the value of a reference', () => {
    const text = `${small}    capacity: \${N}\n    meta: "\${M}"\n`.replace('/originAirport', '"${POINTER}"');
    const lines = complaints(text, { env: { N: 'hunter2', M: 'hunter2', POINTER: 'hunter2' } });
    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});

const http = (options: string): string =>
  `lookups: { far: { http: { url: "http://h/{id}", ${options} } } }
pipelines: { p: { enrich: [ { lookup: far, with: { id: /id }, into: /a } ] } }`;
const reading = (name: string): readonly string[] => complaints(http(`headers: { x: "\${file:${name}}" }`));
const step = (options: string): string => small.replace('into: /originAirport', `into: /o, ${options}`);

describe('a reference whose value cannot be used unchanged is a mistake', () => {
  test.each([
    [
      'a line break in a header',
      http('headers: { x: "${V}" }'),
      'a\nb',
      'has a control character or one beyond Latin-1',
    ],
    [
      'a space at the end of a header',
      http('headers: { x: "${V}" }'),
      'a ',
      'begins or ends with a space, which is removed from a header',
    ],
    [
      'a line break in a token',
      http('auth: { bearer: "${V}" }'),
      'a\nb',
      'has a control character or one beyond Latin-1',
    ],
    ['braces around it', http('headers: { x: "{${V}}" }'), 'id', '"{" is not an argument: expected a name of letters'],
    ['dots as a path segment', small.replace('airports', '${V}'), '..', 'makes the path segment "." or ".."'],
    ['braces in the host', small.replace('127.0.0.1', '${V}'), '{iata}', 'has no valid host and port'],
    [
      'a reserved character',
      http('body: "${V}"'),
      'a\u{FDD1}b',
      'the characters U+FDD0 and U+FDD1 cannot be used here',
    ],
    [
      'code in an expression',
      step('when: "record.a == ${V}"'),
      '1 || true',
      'a reference in an expression must be the whole',
    ],
    [
      'quotes in a raw string',
      step(`when: 'record.a == r"\${V}"'`),
      'a"b',
      'a reference in an expression must be the whole',
    ],
  ])('%s', (_what, text, value, message) => {
    const [line, ...others] = complaints(text, { env: { V: value } });
    expect(line).toContain(message);
    expect(others).toEqual([]);
  });

  test('a file that is not UTF-8, or that never ends', () => {
    const folderOfSecret = folder();
    writeFileSync(join(folderOfSecret, 'latin1'), Buffer.from([0x61, 0xe9]));
    expect(reading(join(folderOfSecret, 'latin1'))[0]).toContain('cannot be read: it is not UTF-8');
    expect(reading('/dev/zero')[0]).toContain('cannot be read: it is larger than 1048576 bytes');
  });
});

test('in an expression a reference is the whole expression, a number, or text in quotes', () => {
  const { config } = load(
    small.replace(
      'into: /originAirport',
      `into: /o, when: 'record.a > \${N} && record.b == "\${T}" && record.c == b"\${R}"' `,
    ),
    { env: { N: '1.5', T: `a"b'c\\d\ne`, R: 'plain' } },
  );
  expect(config.pipelines['flights']?.enrich[0]?.when).toBe(
    String.raw`record.a > 1.5 && record.b == "a\"b\'c\\d\u000ae" && record.c == b"plain"`,
  );
  const whole = load(small.replace('into: /originAirport', 'into: /o, when: "${W}"'), { env: { W: 'has(record.a)' } });
  expect(whole.config.pipelines['flights']?.enrich[0]?.when).toBe('has(record.a)');
});

test('a reference may be the whole pointer; after a slash its value is the name of a member', () => {
  const { config } = load(small.replace('/originAirport', '"${P}/${N}"'), { env: { P: '/a/b', N: 'c/d~e' } });
  expect(config.pipelines['flights']?.enrich[0]?.into).toBe('/a/b/c~1d~0e');
});
