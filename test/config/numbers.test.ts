import { describe, expect, test } from 'vitest';
import { toYaml } from '../../src/config/redact.ts';
import { numberFrom, SpelledNumber } from '../../src/core/json/json-data.ts';
import { complaints, load, small } from './loading.ts';

describe('the spelling of a number', () => {
  test.each([
    ['3', 3],
    ['-1.5', -1.5],
    ['007', 7],
    ['+5', 5],
    ['.5', 0.5],
    ['5.', 5],
    ['0x10', 16],
    ['0o17', 15],
  ])('%s is the number %d of JavaScript', (spelling, number) => {
    expect(numberFrom(spelling)).toBe(number);
  });

  test.each([
    ['1.0', '1.0'],
    ['-0', '-0'],
    ['1e400', '1e400'],
    ['1.50', '1.50'],
    ['1e3', '1e3'],
    ['12345678901234567890', '12345678901234567890'],
    ['+1.0', '1.0'],
    ['00.10', '0.10'],
    ['0x1FFFFFFFFFFFFFF', '144115188075855871'],
  ])('%s is kept as %s', (spelling, source) => {
    expect(numberFrom(spelling)).toEqual(new SpelledNumber(source));
    expect(JSON.stringify({ n: numberFrom(spelling) })).toBe(`{"n":${source}}`);
  });

  test.each(['.inf', '-.Inf', '.nan', '.', '', '-', 'e5'])('%s is not a number of JSON', (spelling) => {
    expect(numberFrom(spelling)).toBeUndefined();
  });

  test.each([
    ['1.0', false],
    ['-0', false],
    ['0.10e1', false],
    ['100e-2', false],
    ['12345678901234567890', true],
    ['1e400', true],
    ['1e-400', true],
    ['0.1000000000000000055511151231257827', true],
  ])('%s changes as a number of JavaScript: %s', (source, lossy) => {
    expect(new SpelledNumber(source).lossy).toBe(lossy);
  });
});

const withNumbers = `${small}    onError: { value: { big: 12345678901234567890, one: 1.0, list: [1e400, 2] } }\n`;

test.each([
  ['YAML', withNumbers, 'millrace.yaml'],
  [
    'JSON',
    `{"lookups":{"airport":{"http":{"url":"http://127.0.0.1:9000/{iata}"}}},"pipelines":{"flights":{"enrich":[{"lookup":"airport","with":{"iata":"/origin"},"into":"/a"}],"onError":{"value":{"big":12345678901234567890,"one":1.0,"list":[1e400,2]}}}}}`,
    'millrace.json',
  ],
])('check prints the numbers of %s with their spelling, and they load again', (_what, text, name) => {
  const { effective, config } = load(text, { name });
  expect(JSON.stringify(effective)).toContain('{"big":12345678901234567890,"one":1.0,"list":[1e400,2]}');
  const printed = toYaml(effective);
  expect(printed).toMatch(/big: 12345678901234567890\n\s+one: 1.0\n\s+list:\n\s+- 1e400\n\s+- 2\n/);
  expect(load(printed).config.pipelines).toEqual(config.pipelines);
});

const ofModule = (parameters: string, constant: string): string => `
lookups: { fn: { module: { file: fn.mjs, parameters: ${parameters} } } }
pipelines: { p: { enrich: [ { lookup: fn, with: { n: { value: ${constant} } }, into: /a } ] } }
`;

describe('a mistake is', () => {
  test('a number that JSON does not have', () => {
    expect(complaints(`${small}    onError: { value: [.inf] }\n`)).toEqual([
      'millrace.yaml:8:24 pipelines.flights.onError.value[0]: JSON has no number .inf; write it in quotes, as text',
    ]);
  });

  test('a number that JavaScript does not have, as a parameter or constant of a function', () => {
    expect(complaints(ofModule('{ a: [12345678901234567890], b: 1.0 }', '1e400'))).toEqual([
      'millrace.yaml:2:60 lookups.fn.module.parameters.a[0]: JavaScript has no number 12345678901234567890: write it in quotes, and the function gets it as text',
      'millrace.yaml:3:63 pipelines.p.enrich[0].with.n.value: JavaScript has no number 1e400: write it in quotes, and the function gets it as text',
    ]);
    expect(complaints(ofModule('{ a: 1.0, b: "12345678901234567890" }', '1.0'))).toEqual([]);
  });

  test('a number instead of text, shown with its spelling', () => {
    const text = small.replace("' } }", "', headers: { x-version: 1.0 }, query: { n: 12345678901234567890 } } }");
    expect(complaints(text)).toEqual([
      'millrace.yaml:3:90 lookups.airport.http.headers.x-version: expected a string, got 1.0; write it in quotes',
      'millrace.yaml:3:109 lookups.airport.http.query.n: expected a string, got 12345678901234567890; write it in quotes',
    ]);
  });
});
