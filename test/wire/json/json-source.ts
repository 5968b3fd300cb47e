import * as fc from 'fast-check';

/** Few names, so that duplicates are common; each is written in one of several spellings. */
export const memberNames = [
  'a',
  'b',
  'x',
  '',
  '__proto__',
  'a/b',
  'm~n',
  '0',
  '1',
  '-',
  'toString',
  'q"\\',
  'é',
  '\u{1f6eb}',
];

export const pointerTokens: fc.Arbitrary<string[]> = fc.array(fc.constantFrom(...memberNames), {
  minLength: 1,
  maxLength: 4,
});

const numbers = fc.constantFrom('1.0', '12345678901234567890', '1e400', '-0', '0.10', '1E+2', '-1.5e-7', '17', '0');
const words = fc.constantFrom('true', 'false', 'null');

/** A string with some characters escaped, in upper and lower case. */
function spelled(text: string): fc.Arbitrary<string> {
  const units = text.split('').map((unit) => {
    const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
    const plain = unit === '"' || unit === '\\' ? `\\${unit}` : unit;
    return fc.constantFrom(plain, plain, plain, `\\u${hex}`, `\\u${hex.toUpperCase()}`);
  });
  // Half of a surrogate pair written plainly beside an escaped one would not be UTF-8.
  const whole = /[\ud800-\udfff]/.test(text) ? fc.constant(text) : fc.tuple(...units).map((parts) => parts.join(''));
  return whole.map((inner) => `"${inner}"`);
}

const names = fc.constantFrom(...memberNames).chain(spelled);
const stringPieces = fc.constantFrom(
  'a',
  'Z',
  ' ',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '/',
  'é',
  '漢',
  '\u{1f6eb}',
  '\u2028',
  '\u007f',
  '\\"',
  '\\\\',
  '\\/',
  '\\b',
  '\\n',
  '\\r',
  '\\t',
  '\\u0000',
  '\\u0061',
  '\\u00E9',
  '\\ud83d\\udeeb',
  '\\ud800',
);
const strings = fc.array(stringPieces, { maxLength: 6 }).map((pieces) => `"${pieces.join('')}"`);

interface Source {
  readonly value: fc.Arbitrary<string>;
  readonly object: fc.Arbitrary<string>;
  readonly array: fc.Arbitrary<string>;
}

/** Source texts of JSON with odd white space, odd escapes, duplicate names and numbers that no double holds. */
export function jsonSource(whiteSpace: readonly string[]): Source {
  const space = fc.array(fc.constantFrom(...whiteSpace), { maxLength: 2 }).map((parts) => parts.join(''));
  const { value, object, array } = fc.letrec<{ value: string; object: string; array: string }>((tie) => {
    const padded = fc.tuple(space, tie('value'), space).map((parts) => parts.join(''));
    const member = fc.tuple(space, names, space, fc.constant(':'), padded).map((parts) => parts.join(''));
    const list = (items: fc.Arbitrary<string>) =>
      fc.oneof(
        { maxDepth: 3 },
        space,
        fc.array(items, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(',')),
      );
    return {
      value: fc.oneof({ maxDepth: 3 }, numbers, words, strings, tie('object'), tie('array')),
      object: list(member).map((inner) => `{${inner}}`),
      array: list(padded).map((inner) => `[${inner}]`),
    };
  });
  const outer = (inner: fc.Arbitrary<string>) => fc.tuple(space, inner, space).map((parts) => parts.join(''));
  return { value: outer(value), object: outer(object), array: outer(array) };
}

export const inLine: readonly string[] = [' ', '\t'];
export const anywhere: readonly string[] = [' ', '\t', '\n', '\r\n'];
