import { array, assert, boolean, constantFrom, jsonValue, letrec, oneof, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { compileExpression, type Expression, ExpressionError } from '../../src/cel/expression.ts';
import { parseJson } from '../../src/core/json/json.ts';

const names = constantFrom('a', 'b', 'constructor', 'toString', 'length');
const { expression } = letrec<{ expression: string }>((tie) => ({
  expression: oneof(
    { maxDepth: 5, depthSize: 'small' },
    constantFrom('record', 'record.a', 'record.b', 'record["__proto__"]', 'x', '1', '-2', '3u', '1.5', 'true', 'null'),
    constantFrom(
      '"a"',
      '"äö😀"',
      '"[a-z]{2,3}"',
      'b"ab"',
      '[]',
      '{}',
      'duration("1h")',
      'timestamp("2026-01-01T00:00:00Z")',
    ),
    tuple(tie('expression'), names).map(([of, name]) => `(${of}).${name}`),
    tuple(tie('expression'), names).map(([of, name]) => `(${of}).?${name}`),
    tuple(tie('expression'), names).map(([of, name]) => `has((${of}).${name})`),
    tuple(tie('expression'), tie('expression')).map(([of, index]) => `(${of})[${index}]`),
    tuple(
      tie('expression'),
      constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'),
      tie('expression'),
    ).map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
    tuple(constantFrom('!', '-'), tie('expression')).map(([operator, of]) => `${operator}(${of})`),
    tuple(
      constantFrom('size', 'int', 'uint', 'double', 'string', 'bytes', 'bool', 'type', 'timestamp', 'duration', 'dyn'),
      tie('expression'),
    ).map(([name, of]) => `${name}(${of})`),
    tuple(
      tie('expression'),
      constantFrom('size', 'reverse', 'trim', 'lowerAscii', 'join', 'getHours', 'getFullYear', 'hasValue', 'value'),
    ).map(([of, name]) => `(${of}).${name}()`),
    tuple(
      tie('expression'),
      constantFrom(
        'matches',
        'contains',
        'startsWith',
        'indexOf',
        'lastIndexOf',
        'split',
        'substring',
        'charAt',
        'join',
        'orValue',
        'getHours',
      ),
      tie('expression'),
    ).map(([of, name, argument]) => `(${of}).${name}(${argument})`),
    tuple(tie('expression'), constantFrom('all', 'exists', 'exists_one', 'map', 'filter'), tie('expression')).map(
      ([of, name, body]) => `(${of}).${name}(x, ${body})`,
    ),
    tuple(
      tie('expression'),
      constantFrom('all', 'transformList', 'transformMap', 'transformMapEntry'),
      tie('expression'),
    ).map(([of, name, body]) => `(${of}).${name}(k, x, ${body})`),
    array(tie('expression'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    tuple(tie('expression'), tie('expression')).map(([key, value]) => `{${key}: ${value}}`),
    tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
  ),
}));

/** The value, or the error with its offset. Throws any error that is not an ExpressionError. */
function outcome(run: () => unknown): { value: unknown } | { error: string; offset: number } {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { error: error.message, offset: error.offset ?? -1 };
  }
}

test('any expression on any record has a value or an error with its place, and does not change the record', () => {
  assert(
    property(expression, jsonValue({ maxDepth: 4 }), boolean(), (source, json, typed) => {
      let compiled: Expression | undefined;
      const refusal = outcome(() => {
        compiled = compileExpression(source, ['record'], typed);
      });
      const record = parseJson(JSON.stringify({ a: json, b: [json], constructor: 1 }));
      const evaluate = () => outcome(() => compiled?.evaluate(record));
      const first = compiled === undefined ? refusal : evaluate();
      const place = 'offset' in first ? first.offset : 0;
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(source.length);
      expect(evaluate()).toEqual(compiled === undefined ? { value: undefined } : first);
      expect(record).toEqual(parseJson(JSON.stringify({ a: json, b: [json], constructor: 1 })));
    }),
    { numRuns: 4000 },
  );
});
