import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import { errorMember, errorPlace, invalidLine, metaPlace, parseLine } from '../../src/wire/codec.ts';
import { eventStream, jsonSequence, ndjson } from '../../src/wire/lines/framing.ts';

describe('parseLine', () => {
  test('gives the record of an object', () => {
    expect(parseLine(' {"a":1} ')).toEqual({ a: 1 });
  });

  test.each([
    ['[1]', 'an array'],
    ['17', 'a number'],
    ['"a"', 'a string'],
    ['true', 'a boolean'],
    ['null', 'null'],
  ])('gives not_an_object for JSON that is none: %s', (line, kind) => {
    expect(parseLine(line)).toMatchObject({
      code: 'not_an_object',
      message: `a record is a JSON object, but the line is ${kind}`,
    });
  });

  test.each([
    ['{"a":1', 'at character 7 expected "," or "}", found the end'],
    ['{"a":tru}', 'at character 6 expected a value, found "t"'],
    ['{"a":1}{"b":2}', 'at character 8 expected nothing more, found "{"'],
  ])('gives invalid_json with the place of the fault: %s', (line, fault) => {
    expect(parseLine(line)).toMatchObject({ code: 'invalid_json', message: `the line is not JSON: ${fault}` });
  });
});

describe('the error of a record', () => {
  test('holds the known facts, in a fixed order', () => {
    const error = new RecordError('bad_status', 'it said "no"', { attempts: 3, status: 503, lookup: 'airport' });
    expect(errorMember(error, 17)).toBe(
      '{"code":"bad_status","message":"it said \\"no\\"","lookup":"airport","status":503,"attempts":3,"line":17}',
    );
  });

  test('holds no member for an unknown fact', () => {
    expect(errorMember(new RecordError('timeout', 'late'), 1)).toBe('{"code":"timeout","message":"late","line":1}');
  });

  test('replaces an _error that came with the record', () => {
    const line = '{"_error":"mine","a":1.0}';
    expect(errorPlace.splice(line, false, '{}')).toBe('{"_error":{},"a":1.0}');
    expect(metaPlace.splice(line, true, '{}')).toBe('{"_error":"mine","a":1.0,"_meta":{}}');
  });
});

describe('the output line for an input line that is not a record', () => {
  const error = new RecordError('invalid_json', 'no');

  test('holds the error alone, with the input', () => {
    expect(invalidLine(error, 2, '{"a"')).toBe(
      '{"_error":{"code":"invalid_json","message":"no","line":2,"input":"{\\"a\\""}}',
    );
  });

  test.each([
    ['x'.repeat(257), 'x'.repeat(256)],
    [`${'x'.repeat(255)}é`, 'x'.repeat(255)],
    [`${'x'.repeat(254)}éé`, `${'x'.repeat(254)}é`],
    [`${'x'.repeat(254)}\u{1f6eb}`, 'x'.repeat(254)],
    [`${'x'.repeat(252)}\u{1f6eb}!`, `${'x'.repeat(252)}\u{1f6eb}`],
    [`${'x'.repeat(255)}\u{1f6eb}`, 'x'.repeat(255)],
    ['é'.repeat(200), 'é'.repeat(128)],
  ])('shows at most 256 bytes, and no half character', (input, shown) => {
    expect(JSON.parse(invalidLine(error, 1, input))).toHaveProperty(['_error', 'input'], shown);
  });
});

describe('framing', () => {
  test('separates records as each media type requires', () => {
    const framed = [ndjson, jsonSequence, eventStream].map(({ mediaType, prefix, suffix }) => [
      mediaType,
      `${prefix}{}${suffix}`,
    ]);
    expect(framed).toEqual([
      ['application/x-ndjson', '{}\n'],
      ['application/json-seq', '\u001e{}\n'],
      ['text/event-stream', 'data: {}\n\n'],
    ]);
  });
});
