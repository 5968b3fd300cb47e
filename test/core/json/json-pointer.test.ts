import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPointer, parsePointer, resolvePointer } from '../../../src/core/json/json-pointer.ts';
import { parseJson } from '../../../src/core/json/json.ts';

describe('a JSON Pointer', () => {
  // RFC 6901, section 5.
  const document = parseJson(
    '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}',
  );
  test.each([
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('finds the value that the RFC names: %j', (pointer, expected) => {
    expect(resolvePointer(document, parsePointer(pointer))).toEqual(expected);
  });

  test.each([
    '/foo/2',
    '/foo/-',
    '/foo/00',
    '/foo/01',
    '/foo/1e0',
    '/foo/-1',
    '/foo/ 0',
    '/foo/length',
    '/nothing',
    '/foo/0/0',
  ])('finds no value if the place does not exist: %j', (pointer) => {
    expect(resolvePointer(document, parsePointer(pointer))).toBeUndefined();
  });

  test.each(['/__proto__', '/constructor', '/toString/name', '/foo/map'])(
    'never reaches a prototype: %j',
    (pointer) => {
      expect(resolvePointer(document, parsePointer(pointer))).toBeUndefined();
    },
  );

  test('reads __proto__ as a name if the document has it', () => {
    expect(resolvePointer(parseJson('{"__proto__":{"a":1}}'), ['__proto__', 'a'])).toBe(1);
  });

  test('unescapes ~1 before ~0', () => {
    expect(parsePointer('/~01')).toEqual(['~1']);
  });

  test('that does not start with a slash is refused, with the correct form', () => {
    expect(() => parsePointer('iata')).toThrow('"iata" does not: write "/iata"');
  });

  test.each(['/a~', '/~2', '/~~0'])('with a tilde that escapes nothing is refused: %j', (pointer) => {
    expect(() => parsePointer(pointer)).toThrow(JSON.stringify(pointer));
  });

  test('is made from tokens and splits into the same tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('~', '/', '0', '1', 'a', '') })), (tokens) => {
        expect(parsePointer(formatPointer(tokens))).toEqual(tokens);
      }),
    );
  });
});
