import { describe, expect, it, test } from 'vitest';
import { compileExpression } from '../../src/cel/expression.ts';
import { Frame } from '../../src/cel/frame.ts';
import { indexesIn, indexIn } from '../../src/cel/functions/text-search.ts';
import { parseJson } from '../../src/core/json/json.ts';

const numbers = Array.from({ length: 70_000 }, (_, index) => index);
const million = 'a'.repeat(1_000_000);
const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}`);
const object = parseJson(`{${keys.map((key) => `"${key}":1`).join(',')}}`);
const record = {
  tags: numbers,
  allowed: numbers.map((number) => number + 0.5),
  text: million,
  other: `b${million.slice(1)}`,
  needle: `b${'a'.repeat(1000)}`,
  half: million.slice(0, 500_000),
  keys,
  object,
  same: parseJson(JSON.stringify(object)),
  lines: Array.from({ length: 200 }, () => 'ab'.repeat(5000)),
  patterns: Array.from({ length: 5000 }, (_, index) => `(?i)x${index}[a-z]{3}`),
  pattern: '(a{30}){30}'.repeat(20),
  time: '2026-01-01T00:00:00Z',
};

describe('one evaluation takes a bounded number of steps', () => {
  const tooMuch = [
    'record.tags.all(t, !(t in record.allowed))',
    'record.tags.all(t, t in record.tags)',
    'record.keys.all(k, k in record.keys)',
    'record.tags.all(t, record.tags.all(u, t == t))',
    'record.tags.exists(a, record.tags.exists_one(b, record.tags.filter(c, c == 0.0).size() > 1))',
    'record.tags.map(t, record.tags + record.tags).size() == 1',
    'record.tags.map(t, record.tags.map(u, u)).size() == 1',
    'record.tags.transformList(i, v, record.tags.transformMap(j, w, w)).size() == 1',
    'record.tags.all(t, record.tags == record.tags)',
    'record.tags.all(t, record.object == record.same)',
    'record.tags.all(t, record.object.size() == 40000)',
    'record.object.all(k, record.object.all(l, k != "" && l != ""))',
    'record.tags.all(t, record.text.size() == 1000000)',
    'record.tags.all(t, !record.text.contains("b"))',
    'record.tags.all(t, !record.text.contains(record.needle))',
    'record.tags.all(t, record.text.startsWith(record.half))',
    'record.tags.all(t, record.text.endsWith(record.half))',
    'record.tags.all(t, record.text < record.other)',
    'record.tags.all(t, record.text != record.other)',
    'record.tags.all(t, (record.text + record.text).size() > 1)',
    'record.text.lastIndexOf(record.needle) == 1',
    'record.tags.all(t, record.text.split("b").size() == 1)',
    'record.text.replace("a", record.needle).size() == 1',
    'record.tags.all(t, record.keys.join(",") != "")',
    'record.tags.all(t, bytes(record.text).size() > 1)',
    'record.tags.all(t, record.nope == 1 || true)',
    'record.tags.exists(t, record.nope == 1)',
    'record.tags.all(t, timestamp(record.time).getHours("Europe/Berlin") == 1)',
    'record.tags.all(t, string(t) != "x")',
    'record.tags.all(t, cel.bind(x, record.tags + record.tags, x.size() > 1))',
    "record.text.matches('^([a-z]+)+@example.com$')",
    "record.lines.all(l, !l.matches('(a|b)*a(a|b){12}c'))",
    "record.tags.all(t, !record.half.matches('[^x]*a[^x]{100}[c-z]'))",
    'record.patterns.all(p, !"aaa".matches(p))',
    'matches("aaa", record.pattern)',
  ];

  test.each(tooMuch)('%s', (source) => {
    const expression = compileExpression(source, ['record'], true);
    expect(() => expression.evaluate(record)).toThrow('takes more than 1000000 steps');
  });

  it('neither || nor exists ignores the error for too many steps', () => {
    const many = 'record.tags.all(t, t in record.tags)';
    for (const source of [`${many} || true`, `[1, 2].exists(x, x == 1 ? ${many} : true)`, `!(${many} && false)`]) {
      const expression = compileExpression(source, ['record'], true);
      expect(() => expression.evaluate(record)).toThrow('steps');
    }
  });

  it('the next record has all steps again', () => {
    const expression = compileExpression('record.tags.all(t, t in record.allowed)', ['record'], true);
    const tags = numbers.slice(0, 400);
    for (let round = 0; round < 10; round += 1) expect(expression.evaluate({ tags, allowed: tags })).toBe(true);
  });

  test.each([
    'record.tags.all(t, t >= 0.0)',
    'record.tags.exists(t, t == 69999.0)',
    'record.text.size() == 1000000 && !record.text.contains("b") && record.text.startsWith("aaa")',
    'record.keys.filter(k, k.startsWith("k1")).size() > 0',
    'record.object.size() == 40000',
    '"k39999" in record.keys && "k39999" in record.object',
    "record.lines[0].matches('^(ab)+$')",
  ])('%s stays within the bound of one evaluation', (source) => {
    expect(compileExpression(source, ['record'], true).evaluate(record)).toBe(true);
  });
});

describe('a search in a text', () => {
  const frame = new Frame(0);
  const parts = ['a', 'ab', 'aab', 'b', 'ba'];
  const texts = parts.flatMap((a) => parts.map((b) => a.repeat(90) + b.repeat(40) + a.repeat(70)));

  it('with the result of String, for a needle of any length', () => {
    for (const text of texts) {
      for (const length of [1, 5, 64, 65, 120, 400]) {
        for (const from of [0, 3, text.length - length]) {
          const needle = text.slice(Math.max(0, from), from + length);
          expect(indexIn(text, needle, 1, frame)).toBe(text.indexOf(needle, 1));
          expect(indexIn(text, `${needle}c`, 0, frame)).toBe(-1);
          frame.reset();
        }
      }
    }
  });

  it('for every occurrence, without overlaps', () => {
    expect(indexesIn('abababa', 'aba', 9, frame)).toEqual([0, 4]);
    expect(indexesIn('aaaa', 'a', 3, frame)).toEqual([0, 1, 2]);
    const needle = 'ab'.repeat(40);
    expect(indexesIn(`${needle}ab${needle}`, needle, 9, frame)).toEqual([0, 80]);
  });
});
