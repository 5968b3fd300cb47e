import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/core/json/json.ts';
import { describeJsonFault, findJsonFault } from '../../../src/wire/json/json-fault.ts';
import { anywhere, jsonSource } from './json-source.ts';

function isJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch {
    return false;
  }
}

function fault(text: string): string | undefined {
  const found = findJsonFault(text);
  return found === undefined ? undefined : describeJsonFault(text, found);
}

const deep = (brackets: number): string => '['.repeat(brackets);

describe('the fault of a text', () => {
  test.each([
    ['', 'at character 1 expected a value, found the end'],
    ['{"a":1', 'at character 7 expected "," or "}", found the end'],
    ['{"a" 1}', 'at character 6 expected ":", found "1"'],
    ['{a:1}', 'at character 2 expected a member name or "}", found "a"'],
    ['{"a":1,}', 'at character 8 expected a member name, found "}"'],
    ['[1 2]', 'at character 4 expected "," or "]", found "2"'],
    ['{"a":01}', 'at character 7 expected "," or "}", found "1"'],
    ['{"a":\u{1f6eb}}', 'at character 6 expected a value, found "\u{1f6eb}"'],
    ['{"a":"\\x"}', 'at character 7 expected an escape that JSON has, found "\\\\"'],
    ['{"a":"\t"}', 'at character 7 expected no control character in a string (escape it), found "\\t"'],
    ['{"a":"b', 'at character 8 expected the closing quote of a string, found the end'],
    ['{} {}', 'at character 4 expected nothing more, found "{"'],
  ])('%j is named with its place', (text, expected) => {
    expect(fault(text)).toBe(expected);
  });

  test('is found exactly if the parser finds one', () => {
    const change = fc.record({
      at: fc.nat(60),
      take: fc.nat(3),
      put: fc.constantFrom(
        '',
        ',',
        ':',
        '"',
        '\\',
        '{',
        '}',
        '[',
        ']',
        '0',
        '-',
        '.',
        'e',
        '\n',
        '\u0001',
        'n',
        '\u00a0',
      ),
    });
    fc.assert(
      fc.property(jsonSource(anywhere).value, fc.array(change, { maxLength: 2 }), (text, changes) => {
        let changed = text;
        for (const { at, take, put } of changes) changed = changed.slice(0, at) + put + changed.slice(at + take);
        expect(findJsonFault(changed) === undefined).toBe(isJson(changed));
      }),
      { numRuns: 5000 },
    );
  });

  test('is the first bracket that is too deep, and no byte behind it is read', () => {
    expect(fault(deep(200_000))).toBe('at character 1001 expected at most 1000 levels of nesting, found "["');
    expect(fault(`${deep(1000)}${']'.repeat(1000)}`)).toBeUndefined();
    expect(fault(`${deep(1001)}${']'.repeat(1001)}`)).toMatch(/^at character 1001 /);
    expect(fault(`{"a":${'{"b":'.repeat(1000)}1${'}'.repeat(1001)}`)).toMatch(/^at character 5001 .*found "\{"$/);
  });
});
