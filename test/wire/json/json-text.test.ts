import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolvePointer } from '../../../src/core/json/json-pointer.ts';
import { parseJson } from '../../../src/core/json/json.ts';
import { compact, elements, locate } from '../../../src/wire/json/json-text.ts';
import { anywhere, jsonSource, pointerTokens } from './json-source.ts';

const source = jsonSource(anywhere);

function slice(text: string, tokens: readonly string[]): string | undefined {
  const span = locate(text, tokens);
  return span === undefined ? undefined : text.slice(span.start, span.end);
}

describe('locate', () => {
  test('finds the value that JSON.parse and the pointer find, as it is written', () => {
    fc.assert(
      fc.property(source.value, pointerTokens, (text, tokens) => {
        const found = slice(text, tokens);
        const expected = resolvePointer(parseJson(text), tokens);
        expect(found === undefined ? undefined : parseJson(found)).toEqual(expected);
        expect(found).toBe(found?.trim());
      }),
      { numRuns: 5000 },
    );
  });

  test('takes the last of several members with one name, however each is spelled', () => {
    expect(slice(String.raw`{"a":1,"\u0061":2, "\u0061" : 3.0 ,"b":4}`, ['a'])).toBe('3.0');
    expect(slice('{"a":{"b":1},"a":{"c":2}}', ['a', 'b'])).toBeUndefined();
  });

  test('takes a name with a backslash as it is, not as an escape', () => {
    expect(slice(String.raw`{"\n":1,"\\n":2}`, [String.raw`\n`])).toBe('2');
    expect(slice(String.raw`{"\n":1}`, [String.raw`\n`])).toBeUndefined();
  });

  test('gives the whole value, without white space around it, for the empty pointer', () => {
    expect(slice(' \n[1, 2] ', [])).toBe('[1, 2]');
  });

  test('does not take a quote behind an escaped backslash for an escaped quote', () => {
    expect(slice(String.raw`{"a":"\\\\","b":"\\\"","c":1}`, ['c'])).toBe('1');
  });

  test.each(['{', '{"a', '{"a"', '{"a":', '{"a":1', '[1', '{"b":[{]}', '["\\"'])(
    'ends on text that is not JSON: %j',
    (text) => {
      expect(() => locate(text, [])).toThrow('not valid JSON');
      expect(() => locate(text, ['7'])).toThrow('not valid JSON');
    },
  );
});

describe('elements', () => {
  test('gives the source of each element', () => {
    expect(elements(' [ 1.0 , "a,]" ,\n{"b":[ 1 ]}, [] ] ')).toEqual(['1.0', '"a,]"', '{"b":[ 1 ]}', '[]']);
    expect(elements('[ ]')).toEqual([]);
  });

  test('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(source.array, (text) => {
        expect(elements(text).map(parseJson)).toEqual(parseJson(text));
      }),
    );
  });

  test('refuses a text that is not an array', () => {
    expect(() => elements('{"a":1}')).toThrow('not the text of an array: {"a":1}');
  });
});

describe('compact', () => {
  test('removes line breaks between tokens, and only those', () => {
    expect(compact('{\r\n  "a\\n": 1.0,\n\t"b": [ ]\r}')).toBe('{  "a\\n": 1.0,\t"b": [ ]}');
  });

  test('returns the same text if it has no line break', () => {
    fc.assert(
      fc.property(source.value, (text) => {
        const line = compact(text);
        expect(line).not.toMatch(/[\r\n]/);
        expect(parseJson(line)).toEqual(parseJson(text));
        expect(line).toBe(text.split(/\r|\n/).join(''));
      }),
    );
  });
});
