import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, parseJson } from '../../src/core/json.ts';
import { isJson } from '../../src/wire/json-bytes.ts';
import { locate } from '../../src/wire/json-text.ts';
import { MemberScan } from '../../src/wire/member-scan.ts';
import { inLine, jsonSource, memberNames } from './json-source.ts';

function parses(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch {
    return false;
  }
}

/** A valid text with a few of its characters replaced, doubled or taken out. */
const damaged = fc
  .tuple(
    jsonSource(inLine).value,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('', '"', '\\', ',', '}', ']', '0', '-', '.', 'e', ' ', '{')), {
      maxLength: 3,
    }),
  )
  .map(([text, wounds]) => {
    let result = text;
    for (const [at, by] of wounds) {
      const place = at % (result.length + 1);
      result = result.slice(0, place) + by + result.slice(place + 1);
    }
    return result;
  });

describe('isJson', () => {
  test('says yes to every generated value, under any white space and nesting', () => {
    fc.assert(
      fc.property(jsonSource(inLine).value, (text) => {
        expect(isJson(Buffer.from(text))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('never says yes to what JSON.parse refuses', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        expect(isJson(Buffer.from(text)) && !parses(text)).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    '',
    ' ',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '01',
    '-',
    '1.',
    '.5',
    '1e',
    '+1',
    'tru',
    'nul',
    'truex',
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\t"',
    '{"a":1}}',
    '[1]2',
    "{'a':1}",
    '\uFEFF1',
    'NaN',
  ])('says no to %j', (text) => {
    expect([isJson(Buffer.from(text)), parses(text)]).toEqual([false, false]);
  });

  test('what is nested very deep is left to the parser, without a full stack', () => {
    expect(isJson(Buffer.from('['.repeat(1_000_000)))).toBe(false);
  });
});

describe('MemberScan', () => {
  test('finds members where JSON.parse and locate do, and leaves to the parser what it does not understand', () => {
    let understood = 0;
    fc.assert(
      fc.property(
        jsonSource(inLine).object,
        fc.uniqueArray(fc.constantFrom(...memberNames), { minLength: 1, maxLength: 4 }),
        (text, names) => {
          const scan = new MemberScan(names);
          const bytes = Buffer.from(`\n${text}\n{"k":1}`);
          if (!scan.read(bytes, 1, 1 + Buffer.byteLength(text))) return;
          understood++;
          const line = Buffer.from(text);
          for (const [index, name] of names.entries()) {
            const span = locate(text, [name]);
            const found = scan.start(index) < 0 ? undefined : line.toString('utf8', scan.start(index), scan.end(index));
            expect(found).toBe(span === undefined ? undefined : text.slice(span.start, span.end));
          }
        },
      ),
      { numRuns: 10_000 },
    );
    expect(understood).toBeGreaterThan(2000);
  });

  test('never takes a line that is no object', () => {
    const scan = new MemberScan(['a']);
    fc.assert(
      fc.property(damaged, (text) => {
        const bytes = Buffer.from(`${text}\n}`);
        const taken = scan.read(bytes, 0, Buffer.byteLength(text));
        expect(taken && !(parses(text) && isJsonObject(parseJson(text)))).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  test.each(['{"a":1\n}', '{\n}', '{"a":\n1}', '{"a":1,\n"b":2}'])(
    'an object does not go on in the next line: %j',
    (text) => {
      expect(new MemberScan(['a']).read(Buffer.from(text), 0, text.indexOf('\n'))).toBe(false);
    },
  );

  test('of several members with one name the last counts', () => {
    const scan = new MemberScan(['a']);
    const text = '{"a":1,"b":2,"a":3}';
    expect(scan.read(Buffer.from(text), 0, text.length)).toBe(true);
    expect(text.slice(scan.start(0), scan.end(0))).toBe('3');
  });
});
