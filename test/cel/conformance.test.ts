import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { entriesOf, equal } from '../../src/cel/operators/compare.ts';
import { compileExpression, ExpressionError } from '../../src/cel/expression.ts';
import { Frame } from '../../src/cel/frame.ts';
import { isList, typeOf, type Value } from '../../src/cel/value.ts';
import { type ConformanceTest, conformanceTests } from './conformance-data.ts';

/** The names of the tests that do not pass, by reason. */
const departures = JSON.parse(readFileSync('test/cel/departures.json', 'utf8')) as Record<string, string[]>;
const departing = new Set(Object.values(departures).flat());
const tests = conformanceTests();

function passes({ expression, typed, variables, expected, checkOnly }: ConformanceTest): boolean {
  // The type of an expression here has no types of elements.
  if (checkOnly) return false;
  let values: readonly Value[];
  let wanted: Value | undefined;
  try {
    values = [...variables.values()].map((value) => value());
    wanted = expected?.();
  } catch {
    return false;
  }
  try {
    const value = compileExpression(expression, [...variables.keys()], typed).evaluate(...values);
    return wanted !== undefined && isSame(value, wanted);
  } catch (error) {
    return error instanceof ExpressionError && expected === undefined;
  }
}

/** Whether two values are equal and of the same type at any depth; NaN is the same as NaN. */
function isSame(a: Value, b: Value): boolean {
  if (typeOf(a) !== typeOf(b)) return false;
  if (typeof a === 'number') return Object.is(a, b);
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => isSame(item, b[index] ?? null));
  const frame = new Frame(0);
  if (typeOf(a) !== 'map') return equal(a, b, frame);
  const others = entriesOf(b, frame);
  const entries = entriesOf(a, frame);
  return (
    entries.length === others.length &&
    entries.every(([key, value]) => others.some(([other, held]) => isSame(key, other) && isSame(value, held)))
  );
}

test('the conformance tests of CEL pass, except those that are listed with a reason', () => {
  expect(tests.length).toBeGreaterThan(2000);
  const failed = tests.flatMap((one) => (passes(one) ? [] : [one.name]));
  expect(failed.filter((name) => !departing.has(name))).toEqual([]);
});

test('each departure that is listed is a test that does not pass', () => {
  const names = new Map(tests.map((one) => [one.name, one]));
  const listed = Object.values(departures).flat();
  expect(listed.filter((name) => !names.has(name))).toEqual([]);
  expect(listed.length).toBe(departing.size);
  expect(tests.flatMap((one) => (departing.has(one.name) && passes(one) ? [one.name] : []))).toEqual([]);
});

test('the documentation has the number of tests that pass, and the number for each reason', () => {
  const page = readFileSync('docs/steps.md', 'utf8');
  expect(page).toContain(`${tests.length - departing.size} of the ${tests.length}`);
  for (const [reason, names] of Object.entries(departures)) expect(page).toContain(`| ${reason} | ${names.length} |`);
});
