import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonValue, maxJsonDepth, parseJson } from '../../../src/core/json/json.ts';

/** A text and its value by RFC 8259, made without a parser. */
interface Spelled {
  readonly text: string;
  readonly value: JsonValue;
}

/** Names that are the beginning of the source of others, which V8 confuses. */
const names = [
  'a',
  'größe',
  'gr\\u0',
  'gr\\',
  '\\',
  '"',
  '\\u',
  'a\n',
  'a\\',
  '',
  '__proto__',
  '7',
  'constructor',
  '\ud800',
];
const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r');

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function plain(unit: string): string {
  return unit === '"' || unit === '\\' ? `\\${unit}` : unit < ' ' ? escaped(unit) : unit;
}

function spelling(text: string): fc.Arbitrary<string> {
  const units = text.split('').map((unit) => fc.constantFrom(plain(unit), plain(unit), escaped(unit)));
  return fc.tuple(...units).map((parts) => `"${parts.join('')}"`);
}

const string = fc
  .oneof(fc.constantFrom(...names), fc.string({ maxLength: 4 }))
  .chain((value) => spelling(value).map((text): Spelled => ({ text, value })));
const number = fc
  .constantFrom('0', '-0', '1.0', '12345678901234567890', '1e400', '-1.5E-7', '0.1')
  .map((text): Spelled => ({ text, value: Number(text) }));
const word = fc.constantFrom<Spelled>(
  { text: 'true', value: true },
  { text: 'false', value: false },
  { text: 'null', value: null },
);

const member = (value: fc.Arbitrary<Spelled>) =>
  fc.tuple(
    space,
    fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(name), spelling(name))),
    space,
    value,
  );

const { value: json } = fc.letrec<{ value: Spelled }>((tie) => ({
  value: fc
    .tuple(
      space,
      fc.oneof({ maxDepth: 4 }, word, number, string, array(tie('value')), object(tie('value')), object(tie('value'))),
      space,
    )
    .map(([before, { text, value }, after]) => ({ text: before + text + after, value })),
}));

function array(item: fc.Arbitrary<Spelled>): fc.Arbitrary<Spelled> {
  return fc
    .array(item, { maxLength: 4 })
    .map((items) => ({ text: `[${items.map(({ text }) => text).join(',')}]`, value: items.map(({ value }) => value) }));
}

function object(value: fc.Arbitrary<Spelled>): fc.Arbitrary<Spelled> {
  return fc.array(member(value), { maxLength: 5 }).map((members) => ({
    text: `{${members.map(([before, [, name], after, item]) => before + name + after + ':' + item.text).join(',')}}`,
    value: Object.fromEntries(members.map(([, [name], , item]) => [name, item.value])),
  }));
}

/** Whether two values are equal, also in the order of members and the sign of a zero; `__proto__` is an ordinary member. */
function same(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right);
  const [names1, names2] = [Object.keys(left), Object.keys(right)];
  return (
    Array.isArray(left) === Array.isArray(right) &&
    names1.length === names2.length &&
    names1.every((name, at) => name === names2[at]) &&
    Object.values(left).every((value, at) => same(value, Object.values(right)[at]))
  );
}

/** The message of the refusal; undefined if the text is accepted. */
function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);

describe('parseJson', () => {
  test('reads a name with an escape correctly, whatever was read before it', () => {
    // Other code in the process, such as a user's module, calls JSON.parse directly.
    JSON.parse(String.raw`{"id":1,"gr\\u0":0}`);
    expect(Object.keys(Object(parseJson(String.raw`{"id":1,"gr\u00f6\u00dfe":"a"}`)))).toEqual(['id', 'größe']);
    expect(parseJson(String.raw`[{"h":1,"\\":0},{"h":1,"\"":0}]`)).toEqual([
      { h: 1, '\\': 0 },
      { h: 1, '"': 0 },
    ]);
  });

  test('gives the value of a text, however its names are spelled and whatever was read before', () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 3 }), json, (before, { text, value }) => {
        for (const other of before) JSON.parse(other.text);
        expect(same(parseJson(text), value)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('accepts and refuses the same texts as JSON.parse, with the same message', () => {
    const put = fc.constantFrom(
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
      '\n',
      '\u0001',
      'n',
      '\u00a0',
    );
    const change = fc.record({ at: fc.nat(40), take: fc.nat(2), put });
    fc.assert(
      fc.property(json, fc.array(change, { maxLength: 2 }), ({ text }, changes) => {
        let changed = text;
        for (const { at, take, put: added } of changes)
          changed = changed.slice(0, at) + added + changed.slice(at + take);
        expect(refusal(() => parseJson(changed))).toBe(refusal(() => JSON.parse(changed)));
      }),
      { numRuns: 5000 },
    );
  });

  test('reads 1000 levels of nesting, and refuses one more with its position', () => {
    expect(() => parseJson(nested(maxJsonDepth))).not.toThrow();
    expect(() => parseJson(nested(maxJsonDepth + 1))).toThrow(
      new SyntaxError('nested deeper than 1000 levels at character 1001'),
    );
    expect(() => parseJson(nested(2_000, '{"\\u0061":', '}'))).toThrow(/nested deeper than 1000 levels/);
  });

  test('counts only brackets that are open at the same time and not in a string', () => {
    const many = `[${Array.from({ length: 20 }, () => nested(maxJsonDepth - 1)).join(',')}]`;
    expect(() => parseJson(many)).not.toThrow();
    expect(parseJson(`["${'['.repeat(5_000)}","\\"${'{'.repeat(5_000)}"]`)).toHaveLength(2);
  });

  test('refuses a text of nothing but brackets without reading all of it', () => {
    expect(() => parseJson('['.repeat(1 << 20))).toThrow(/at character 1001/);
  });
});
