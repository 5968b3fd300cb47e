import { describe, expect, it, test } from 'vitest';
import { compileExpression, ExpressionError } from '../../src/cel/expression.ts';
import type { Value } from '../../src/cel/value.ts';
import { parseJson } from '../../src/core/json/json.ts';

const compile = (source: string) => compileExpression(source, ['record'], true);
const evaluate = (source: string, json: string): Value => compile(source).evaluate(parseJson(json));

const chain = (length: number) => Array.from({ length }, () => 'record.a').join(' || ');

function mistake(run: () => unknown): { message: string; offset: number | undefined } {
  try {
    run();
  } catch (error) {
    if (error instanceof ExpressionError) return { message: error.message, offset: error.offset };
    throw error;
  }
  throw new Error('there was no error');
}

describe('the name of a member is data', () => {
  const names = [
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'then',
    'valueOf',
    'length',
    'type',
    'nanos',
  ];

  test.each(names)('%s, if the record has it, at any depth', (name) => {
    const json = `{"${name}":"x","flag":true,"a":{"b":{"${name}":{"${name}":1}}},"list":[{"${name}":2}]}`;
    expect(evaluate('record.flag', json)).toBe(true);
    expect(evaluate(`record[${JSON.stringify(name)}] == "x"`, json)).toBe(true);
    expect(evaluate(`record.a.b[${JSON.stringify(name)}][${JSON.stringify(name)}] == 1`, json)).toBe(true);
    expect(evaluate(`record.list.exists(item, item[${JSON.stringify(name)}] == 2.0)`, json)).toBe(true);
    expect(evaluate(`record.a == record.a && size(record) == 4`, json)).toBe(true);
    expect(evaluate(`record.exists(key, key == ${JSON.stringify(name)})`, json)).toBe(true);
  });

  test.each(names.filter((name) => name !== '__proto__'))('%s, if the record has no such member', (name) => {
    expect(evaluate(`has(record.${name})`, '{"a":1}')).toBe(false);
    expect(evaluate(`${JSON.stringify(name)} in record`, '{"a":1}')).toBe(false);
    expect(evaluate(`record.?${name}.hasValue()`, '{"a":1}')).toBe(false);
    expect(mistake(() => evaluate(`record.${name} == 1`, '{"a":1}')).message).toContain(name);
  });

  it('objects that differ only in such a member are not equal', () => {
    expect(evaluate('record.a == record.b', '{"a":{"constructor":1},"b":{"toString":1}}')).toBe(false);
    expect(evaluate('record.a == record.b', '{"a":{"__proto__":{"x":1}},"b":{"__proto__":{"x":1}}}')).toBe(true);
    expect(evaluate('record.a == record.b', '{"a":{"__proto__":{"x":1}},"b":{}}')).toBe(false);
  });
});

describe('matches is RE2', () => {
  const evil = `{"mail":"${'a'.repeat(44)}!","pattern":"^([a-z]+)+@example.com$","matches":{"matches":"aXb"}}`;
  const forms = [
    "record.mail.matches('^([a-z]+)+@example.com$')",
    "matches(record.mail, '^([a-z]+)+@example.com$')",
    'record.mail.matches(record.pattern)',
    'matches(record.mail, record.pattern)',
    "record.mail.matches('^([a-z]+)+' + '@example.com$')",
    "[record.mail].exists(m, m.matches('^([a-z]+)+@example.com$'))",
    "[record.mail].map(m, m.matches('^([a-z]+)+@example.com$'))[0]",
    "[record.mail].filter(m, m.matches('^([a-z]+)+@example.com$')).size() == 1",
    "(has(record.mail) ? record.mail.matches('^([a-z]+)+@example.com$') : true)",
    "(record.mail.matches('x') ? '' : record.mail).matches('^([a-z]+)+@example.com$')",
    "record['mail'].matches('^([a-z]+)+@example.com$')",
    "cel.bind(m, record.mail, m.matches('^([a-z]+)+@example.com$'))",
  ];

  test.each(forms)('%s ends', (source) => {
    expect(evaluate(source, evil)).toBe(false);
  });

  it('a member with the name matches is a member', () => {
    expect(evaluate("record.matches.matches.matches('a.b')", evil)).toBe(true);
    expect(evaluate('has(record.matches.matches)', evil)).toBe(true);
  });

  test.each([
    ['(?i)ab', 'xAB', true],
    ['(?P<x>a)b', 'ab', true],
    [String.raw`^\pL+$`, 'äöü', true],
    [String.raw`\x{41}`, 'A', true],
    ['^a', 'ba', false],
    ['a', 'bab', true],
  ])('%s on %s', (pattern, text, matched) => {
    const json = JSON.stringify({ text, pattern });
    expect(evaluate(`record.text.matches(r'${pattern}')`, json)).toBe(matched);
    expect(evaluate('record.text.matches(record.pattern)', json)).toBe(matched);
  });

  const refused = ['(a', '[', 'a**', 'x{1001}', '(a{100}){100}', String.raw`(a)\1`, '(?=a)', '(?<!a)b', 'x{2,1}'];

  test.each(refused)('%s in the configuration is a mistake with its place', (pattern) => {
    const found = mistake(() => compile(`record.a.matches(r'${pattern}')`));
    expect(found.message).toContain('RE2 refuses the pattern');
    expect(found.offset).toBeGreaterThanOrEqual(17);
    expect(found.offset).toBeLessThanOrEqual(18);
  });

  test.each(refused)('%s in a record is an error of that record', (pattern) => {
    const expression = compile('record.a.matches(record.p)');
    const found = mistake(() => expression.evaluate({ a: 'aaa', p: pattern }));
    expect(found).toEqual({ message: expect.stringMatching(/RE2 refuses the pattern|steps/) as string, offset: 9 });
    expect(expression.evaluate({ a: 'aaa', p: 'a+' })).toBe(true);
  });

  it('accepts only text', () => {
    expect(mistake(() => evaluate("record.a.matches('1')", '{"a":1}')).message).toBe(
      'there is no double.matches(string)',
    );
    expect(mistake(() => compile("matches(1, '1')")).message).toBe('there is no matches(int, string)');
  });
});

describe('a mistake in an expression has its position', () => {
  test.each([
    ['record.flag = true', 12, 'Unexpected character: ='],
    ['recrod.flag == true', 0, 'unknown variable recrod; did you mean record?'],
    ['record.a && record.b.startWith("x")', 21, 'there is no method startWith; did you mean startsWith?'],
    ['"a" + 1 == record.b', 4, 'string + int is not defined'],
    ['record.a == 1 && "x" == 2', 21, 'string is never equal to int'],
    ['record.list.all(record.x, true)', 23, 'the name of a variable is needed here'],
    ['has(record)', 0, 'has needs one member, such as has(record.name)'],
    ['record.a && "b"', 12, 'the right side is string, and true or false is needed'],
    ['record.a <\n  null', 9, 'dyn and null_type have no order'],
  ])('%s', (source, offset, message) => {
    expect(mistake(() => compile(source))).toEqual({ message: expect.stringContaining(message) as string, offset });
  });

  test.each([
    ['record.a == 1 && record.address.zip == "1"', '{"a":1,"address":{}}', 32, 'record.address has no member "zip"'],
    ['record.n + 1 == 2.0', '{"n":1}', 9, 'double + int is not defined; numbers of a record are doubles'],
    ['record.list[3] == 1', '{"list":[1]}', 12, 'there is no index 3 of 1 elements'],
    ['record.a.b', '{"a":"text"}', 9, 'record.a is string and has no member "b"'],
    ['has(record.a.b)', '{"a":null}', 13, 'record.a is null and has no member "b"'],
    ['record.a || false', '{"a":"text"}', 7, 'this is string, and true or false is needed'],
    ['record.a.all(x, x.y == 1)', '{"a":[{"y":1},{}]}', 18, 'x has no member "y"'],
    ['record.a < record.b', '{"a":1,"b":"x"}', 9, 'double and string have no order'],
    ['!record.a', '{"a":1}', 8, 'this is double, and true or false is needed'],
  ])('%s on %s', (source, json, offset, message) => {
    const found = mistake(() => evaluate(source, json));
    expect(found).toEqual({ message: expect.stringContaining(message) as string, offset });
  });
});

describe('the places of a record that an expression reads', () => {
  test.each<[string, string[][]]>([
    ['record.flag == true && has(record.iata)', [['flag'], ['iata']]],
    [
      'has(record.a.b) && record["c"].d[0].e == 1',
      [
        ['a', 'b'],
        ['c', 'd', '0', 'e'],
      ],
    ],
    ['record.?a.?b.orValue(false)', [['a', 'b']]],
    ['record.list.exists(x, x.y == record.z)', [['list'], ['z']]],
    ['record[record.name] == 1', [[], ['name']]],
    ['record.a[record.i].b == 1', [['a'], ['i']]],
    ['size(record) > 1', [[]]],
    ['[1].all(record, record > 0)', []],
    ['"x" in record.tags', [['tags']]],
    ['(record.a).b == type(1)', [['a', 'b']]],
  ])('%s', (source, places) => {
    expect(compileExpression(source, ['record'], false).readings.map(({ tokens }) => tokens)).toEqual(places);
  });
});

describe('values', () => {
  it('numbers of a record compare with ints and doubles', () => {
    expect(evaluate('record.n == 3 && record.n == 3.0 && record.n > 2 && record.n in [1, 3]', '{"n":3}')).toBe(true);
  });

  it('an error is ignored if the other side decides', () => {
    expect(evaluate('record.nope || true', '{}')).toBe(true);
    expect(evaluate('record.nope && false', '{}')).toBe(false);
    expect(evaluate('[1, 2].exists(x, x == 2 || record.nope)', '{}')).toBe(true);
  });

  it('no value of a record is left for the next one', () => {
    const expression = compile('record.list.exists(x, x == 1.0) || record.list.exists(y, y == 2.0)');
    expect(expression.evaluate({ list: [2] })).toBe(true);
    expect(expression.evaluate({ list: [] })).toBe(false);
  });

  it('lists and objects are equal at any depth', () => {
    const depth = 100_000;
    const nested = (leaf: number) => {
      let value: Value = leaf;
      for (let level = 0; level < depth; level += 1) value = [value];
      return value;
    };
    const same = compileExpression('record == other', ['record', 'other'], true);
    expect(same.evaluate(nested(1), nested(1))).toBe(true);
    expect(same.evaluate(nested(1), nested(2))).toBe(false);
  });

  it('many operators may be nested, and too many are refused', () => {
    expect(evaluate(chain(900), '{"a":false}')).toBe(false);
    expect(mistake(() => compile(chain(1500))).message).toContain('more than 1000 operators');
    expect(mistake(() => compile(`${'!'.repeat(100_000)}record.a`)).message).toMatch(/nested|Exceeded/);
    expect(mistake(() => compile(`${'('.repeat(100_000)}record.a`)).message).toMatch(/nested|Exceeded/);
  });
});
