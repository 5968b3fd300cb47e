import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, parseJson } from '../../../src/core/json/json.ts';
import { jsonKind } from '../../../src/wire/json/json-memory.ts';
import { locate } from '../../../src/wire/json/json-text.ts';
import { MemberScan } from '../../../src/wire/json/member-scan.ts';
import { MemberTable } from '../../../src/wire/json/member-table.ts';
import { anywhere, inLine, jsonSource, memberNames } from './json-source.ts';

const isJson = (bytes: Buffer): boolean => jsonKind(bytes, 0, bytes.length) !== 0;

function parses(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch {
    return false;
  }
}

function isMistaken(text: string): boolean {
  return isJson(Buffer.from(text)) !== parses(text);
}

/** A JSON string of `length` with a special character behind `at` letters. */
function inString(something: string, at: number, length: number): string {
  return `"${'x'.repeat(at)}${something}${'x'.repeat(length - at)}"`;
}

/** A valid text with a few characters replaced, doubled or removed. */
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
  test('accepts every generated value, with any white space and nesting', () => {
    fc.assert(
      fc.property(jsonSource(inLine).value, (text) => {
        expect(isJson(Buffer.from(text))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('never accepts a text that JSON.parse refuses', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        expect(isJson(Buffer.from(text)) && !parses(text)).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  test('accepts exactly the texts that JSON.parse accepts, whatever bytes are inserted', () => {
    const wounds = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
    fc.assert(
      fc.property(jsonSource(anywhere).value, wounds, (text, places) => {
        const bytes = Buffer.from(text);
        for (const [at, by] of places) bytes[at % bytes.length] = by;
        // Callers pass UTF-8 only.
        const checked = Buffer.from(bytes.toString('utf8').replace(/^\uFEFF/, ' '));
        expect(isJson(checked)).toBe(parses(checked.toString('utf8')));
      }),
      { numRuns: 20_000 },
    );
  });

  test('finds a forbidden character at every place of strings of every length', () => {
    const characters = ['"', '\\', '\\"', '\\u00e9', '\\u00eg', '\n', '\0', '\u001f', ' ', '\u007f', 'é', '\u{1f6eb}'];
    const lengths = [...Array(70).keys()];
    const texts = lengths.flatMap((length) =>
      lengths.slice(0, length + 1).flatMap((at) => characters.map((one) => inString(one, at, length))),
    );
    expect(texts.filter(isMistaken)).toEqual([]);
  });

  test('accepts numbers of every length, and no text that only looks like a number', () => {
    const digits = [...Array(40).keys()].map((length) => '9'.repeat(length));
    const heads = ['', '-', '+', '--'].flatMap((sign) => ['', '0', '7', '00', '01'].map((first) => sign + first));
    const fractions = ['', '.', '.5', '.0e', 'e', 'E+', 'e-3', 'e1.5'];
    const texts = digits.flatMap((more) =>
      heads.flatMap((head) => fractions.flatMap((tail) => [head + more + tail, head + tail + more])),
    );
    expect(texts.filter(isMistaken)).toEqual([]);
  });

  test('goes 64 levels deep, through arrays and objects, and no further', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['[{"a":', '}]'],
    ] as const) {
      const levels = open.length > 5 ? 2 : 1;
      const nested = (depth: number): Buffer =>
        Buffer.from(`${open.repeat(depth / levels)}1${close.repeat(depth / levels)}`);
      expect([isJson(nested(64)), isJson(nested(64 + levels))]).toEqual([true, false]);
    }
  });

  test('a text longer than a mebibyte is left to the parser, a slightly shorter one is not', () => {
    const bodies = [1024 * 1024, 1024 * 1024 - 1].map((bytes) => Buffer.from(inString('', 0, bytes - 2)));
    expect(bodies.map(isJson)).toEqual([false, true]);
    expect(isJson(Buffer.from('"'.padEnd(1024 * 1024 - 1, 'x')))).toBe(false);
    expect(isJson(Buffer.alloc(1024 * 1024 - 1, '1'))).toBe(true);
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

  test('very deep nesting is left to the parser, without a full stack', () => {
    expect(isJson(Buffer.from('['.repeat(1_000_000)))).toBe(false);
  });
});

describe('MemberScan', () => {
  test('finds members where JSON.parse and locate do, and leaves other lines to the parser', () => {
    let understood = 0;
    fc.assert(
      fc.property(
        jsonSource(inLine).object,
        fc.uniqueArray(fc.constantFrom(...memberNames), { minLength: 1, maxLength: 4 }),
        (text, names) => {
          const scan = new MemberScan(new MemberTable(names));
          const bytes = Buffer.from(`\n${text}\n{"k":1}`);
          const spans = scan.read(bytes, 1, 1 + Buffer.byteLength(text));
          if (spans === undefined) return;
          understood++;
          const line = Buffer.from(text);
          for (const [index, name] of names.entries()) {
            const span = locate(text, [name]);
            const start = spans.start(index);
            const found = start < 0 ? undefined : line.toString('utf8', start, spans.end(index));
            expect(found).toBe(span === undefined ? undefined : text.slice(span.start, span.end));
          }
        },
      ),
      { numRuns: 10_000 },
    );
    expect(understood).toBeGreaterThan(2000);
  });

  test('never accepts a line that is not an object', () => {
    const scan = new MemberScan(new MemberTable(['a']));
    fc.assert(
      fc.property(damaged, (text) => {
        const bytes = Buffer.from(`${text}\n}`);
        const taken = scan.read(bytes, 0, Buffer.byteLength(text)) !== undefined;
        expect(taken && !(parses(text) && isJsonObject(parseJson(text)))).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  test.each(['{"a":1\n}', '{\n}', '{"a":\n1}', '{"a":1,\n"b":2}'])(
    'an object does not go on in the next line: %j',
    (text) => {
      expect(new MemberScan(new MemberTable(['a'])).read(Buffer.from(text), 0, text.indexOf('\n'))).toBeUndefined();
    },
  );

  test('of several members with one name the last counts', () => {
    const scan = new MemberScan(new MemberTable(['a']));
    const text = '{"a":1,"b":2,"a":3}';
    const spans = scan.read(Buffer.from(text), 0, text.length);
    expect(text.slice(spans?.start(0), spans?.end(0))).toBe('3');
  });
});
