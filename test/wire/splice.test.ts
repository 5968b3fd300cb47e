import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import { arrayIndex, parsePointer } from '../../src/core/json/json-pointer.ts';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../src/core/json/json.ts';
import { locate, type Span } from '../../src/wire/json/json-text.ts';
import { compilePlace, type Place } from '../../src/wire/splice.ts';
import { inLine, jsonSource, pointerTokens } from './json/json-source.ts';

function objectOf(line: string): JsonObject {
  const value = parseJson(line);
  if (!isJsonObject(value)) throw new Error(`no object: ${line}`);
  return value;
}

/** Splices with and without the knowledge that the member is absent; both must give the same line. */
function splice(line: string, pointer: string, json: string): string {
  const place = compilePlace(parsePointer(pointer));
  const result = place.splice(line, absent(line, place.tokens), json);
  expect(place.splice(line, false, json)).toBe(result);
  return result;
}

function absent(line: string, [first]: readonly string[]): boolean {
  return first !== undefined && !Object.hasOwn(objectOf(line), first);
}

/** The spliced line, or undefined if the place is refused with the documented error. */
function attempt(place: Place, line: string, known: boolean, json: string): string | undefined {
  try {
    return place.splice(line, known && absent(line, place.tokens), json);
  } catch (error) {
    if (error instanceof RecordError && error.code === 'not_an_object') return undefined;
    throw error;
  }
}

/** What splicing means, said on values: undefined if the place cannot be written. */
function put(into: JsonValue | undefined, tokens: readonly string[], value: JsonValue): JsonValue | undefined {
  const [token, ...rest] = tokens;
  if (token === undefined) return value;
  if (into === undefined) return put({}, tokens, value);
  if (Array.isArray(into)) {
    const index = token === '-' ? into.length : arrayIndex(token);
    if (index < 0 || index > into.length) return undefined;
    const element = put(into[index], rest, value);
    return element === undefined ? undefined : into.toSpliced(index, 1, element);
  }
  if (!isJsonObject(into)) return undefined;
  const member = put(Object.hasOwn(into, token) ? into[token] : undefined, rest, value);
  if (member === undefined) return undefined;
  // Defined, not assigned: `__proto__` is a name like any other.
  const copy: JsonObject = Object.defineProperties({}, Object.getOwnPropertyDescriptors(into));
  return Object.defineProperty(copy, token, { value: member, enumerable: true, configurable: true, writable: true });
}

describe('a spliced member', () => {
  const odd = String.raw`{"a":1.0,"b":12345678901234567890,"c":1e400,"b":2,"\u0061x":"é"}`;

  test('is added as the last one and changes nothing else', () => {
    expect(splice(odd, '/airport', '{"city":"X"}')).toBe(`${odd.slice(0, -1)},"airport":{"city":"X"}}`);
  });

  test('replaces the value of an existing member, the last of several', () => {
    expect(splice(odd, '/b', 'null')).toBe(odd.replace('"b":2', '"b":null'));
    expect(splice(odd, '/ax', '[]')).toBe(odd.replace('"é"', '[]'));
    expect(splice(odd, '/c', '0.0')).toBe(odd.replace('1e400', '0.0'));
  });

  test.each([
    ['{}', '{"x":1}'],
    ['{ }', '{ "x":1}'],
    [' {"a":"{" } \t', ' {"a":"{" ,"x":1} \t'],
    ['{"a":{}}', '{"a":{},"x":1}'],
    ['{"y":{"x":2}}', '{"y":{"x":2},"x":1}'],
  ])('stands before the last brace: %j', (line, expected) => {
    expect(splice(line, '/x', '1')).toBe(expected);
  });

  test.each([
    ['{}', '/a/b/c', '{"a":{"b":{"c":1}}}'],
    ['{"z":0}', '/a/0', '{"z":0,"a":{"0":1}}'],
    ['{"a": {} }', '/a/b/c', '{"a": {"b":{"c":1}} }'],
    ['{"a":{"b":{"d":2}}}', '/a/b/c', '{"a":{"b":{"d":2,"c":1}}}'],
    ['{"a":[{"b":[ ]}]}', '/a/0/b/-', '{"a":[{"b":[ 1]}]}'],
    ['{"a":[5, 6 ]}', '/a/2', '{"a":[5, 6 ,1]}'],
    ['{"a":[5, 6 ]}', '/a/1', '{"a":[5, 1 ]}'],
    ['{"a":[5]}', '/a/-/b', '{"a":[5,{"b":1}]}'],
    ['{"a":[{"b":2}]}', '/a/0/b', '{"a":[{"b":1}]}'],
    ['{"":{"":2}}', '//', '{"":{"":1}}'],
  ])('is put at any depth, with the parents it needs: %j %j', (line, pointer, expected) => {
    expect(splice(line, pointer, '1')).toBe(expected);
  });

  test.each([
    ['{"a":"text"}', '/a/b', '/a/b cannot be written: /a is "text", and only an object or an array can hold it'],
    ['{"a":{"b":null}}', '/a/b/c', '/a/b/c cannot be written: /a/b is null'],
    ['{"a":[1,2]}', '/a/3', '/a/3 cannot be written: /a is an array of 2, and "3" is neither'],
    ['{"a":[1,2]}', '/a/name', '"name" is neither one of its indices, nor 2 or "-" to append'],
    ['{"a":[1,2]}', '/a/01', '"01" is neither'],
  ])('is refused where its parent cannot hold it: %j %j', (line, pointer, message) => {
    expect(() => splice(line, pointer, '1')).toThrow(message);
    expect(attempt(compilePlace(parsePointer(pointer)), line, false, '1')).toBeUndefined();
  });

  test('replaces the whole line for the empty pointer', () => {
    expect(splice(' {"a":1} ', '', '[1]')).toBe('[1]');
  });

  test('named __proto__ is a member like any other', () => {
    expect(splice('{"a":1}', '/__proto__', '{"x":1}')).toBe('{"a":1,"__proto__":{"x":1}}');
    expect(splice('{"__proto__":1,"b":2}', '/__proto__', '3')).toBe('{"__proto__":3,"b":2}');
  });

  test('has its name escaped', () => {
    expect(splice('{}', '/a"\n/\u2028', '1')).toBe('{"a\\"\\n":{"\u2028":1}}');
  });

  test('changes no other byte of a generated line, and reads back as it was put there', () => {
    const source = jsonSource(inLine);
    let written = 0;
    fc.assert(
      fc.property(source.object, pointerTokens, source.value, (line, tokens, json) => {
        const value = objectOf(line);
        const place = compilePlace(tokens);
        const expected = put(value, tokens, parseJson(json));
        const result = attempt(place, line, true, json);
        expect(attempt(place, line, false, json)).toBe(result);
        expect(result === undefined).toBe(expected === undefined);
        if (result === undefined) return;
        written++;
        expect(JSON.stringify(parseJson(result))).toBe(JSON.stringify(expected));
        expect(isSpliced(line, result, locate(line, tokens), json)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
    expect(written).toBeGreaterThan(5000);
  });

  test('does not disturb other members that are spliced one after the other', () => {
    fc.assert(
      fc.property(jsonSource(inLine).object, fc.array(pointerTokens, { maxLength: 4 }), (line, places) => {
        const value = objectOf(line);
        const touched = new Set<string | undefined>();
        let result = line;
        let expected: JsonValue = value;
        for (const [index, tokens] of places.entries()) {
          const json = `"answer ${index}"`;
          const next = put(expected, tokens, parseJson(json));
          if (next === undefined) continue;
          result = compilePlace(tokens).splice(result, !touched.has(tokens[0]) && absent(line, tokens), json);
          touched.add(tokens[0]);
          expected = next;
        }
        expect(JSON.stringify(parseJson(result))).toBe(JSON.stringify(expected));
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whether `result` is the line with `json` instead of the span; without a span, the line with an insertion at one place. */
function isSpliced(line: string, result: string, span: Span | undefined, json: string): boolean {
  if (span !== undefined) return result === line.slice(0, span.start) + json + line.slice(span.end);
  let start = 0;
  while (start < line.length && line[start] === result[start]) start++;
  return result.endsWith(line.slice(start));
}
