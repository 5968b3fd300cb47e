import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalNumber, isHeldByNumber, isJsonNumber, isNumberSource } from '../../../src/core/json/json-number.ts';

test.each([
  ['1.10', '1.1'],
  ['11e-1', '1.1'],
  ['0.011E+2', '1.1'],
  ['1', '1'],
  ['1.0', '1'],
  ['1e1', '10'],
  ['10.000', '10'],
  ['0', '0'],
  ['-0', '0'],
  ['-0.00e99', '0'],
  ['0e99999999999999999999', '0'],
  ['-1.50', '-1.5'],
  ['0.0010', '0.001'],
  ['0.0000001', '1e-7'],
  ['0.000001', '0.000001'],
  ['-0.0000010', '-0.000001'],
  ['-12.5', '-12.5'],
  ['1e21', '1e21'],
  ['1000000000000000000000', '1e21'],
  ['100000000000000000000', '100000000000000000000'],
  ['12345678901234567890123456789', '12345678901234567890123456789'],
  ['12345678901234567890123456789.0', '12345678901234567890123456789'],
  ['9007199254740993.0', '9007199254740993'],
  ['0.1234567890123456789012345678900', '0.12345678901234567890123456789'],
  ['1e400', '1e400'],
  ['10E+399', '1e400'],
  ['1e-400', '1e-400'],
  ['1e1000000000', '1e1000000000'],
  ['0.1e1000000001', '1e1000000000'],
  ['1e0000000000000000000000001', '10'],
])('%s is the number %s', (spelling, canonical) => {
  expect(canonicalNumber(spelling)).toBe(canonical);
  expect(canonicalNumber(canonical)).toBe(canonical);
});

test('a number whose exponent has too many digits keeps its spelling', () => {
  for (const spelling of ['1e9999999999999999', '-2.50E-1234567890123456789']) {
    expect(canonicalNumber(spelling)).toBe(spelling);
  }
});

test('a number of a million digits takes linear time', () => {
  const zeros = '0'.repeat(1_000_000);
  expect(canonicalNumber(`1${zeros}`)).toBe('1e1000000');
  expect(canonicalNumber(`1.${zeros}1`)).toHaveLength(1_000_003);
  expect(canonicalNumber(`0.${zeros}1`)).toBe('1e-1000001');
  expect(canonicalNumber(`${'12'.repeat(500_000)}.${zeros}`)).toHaveLength(1_000_000);
  expect(canonicalNumber(`1e${zeros}1`)).toBe('10');
  expect(canonicalNumber(`1e${'9'.repeat(1_000_000)}`)).toHaveLength(1_000_002);
  expect(isJsonNumber(`1${zeros}x`)).toBe(false);
});

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** Another spelling of the same number: with zeros, a point and an exponent that do not change it. */
function spelled({ digits, exponent }: Decimal, zeros: number, shift: number, mark: string): string {
  const sign = digits < 0n ? '-' : '';
  const added = digits === 0n ? 0 : zeros;
  const text = String(digits < 0n ? -digits : digits) + '0'.repeat(added);
  const places = Math.min(Math.max(shift, 0), text.length - 1);
  const point = text.length - places;
  const mantissa = places === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
  const rest = exponent - added + places;
  return `${sign}${mantissa}${rest === 0 && mark !== 'E' ? '' : `${mark}${mark === 'E' && rest >= 0 ? '+' : ''}${rest}`}`;
}

/** A number as the numerator of a fraction; all have the same denominator. */
function scaled({ digits, exponent }: Decimal): bigint {
  return digits * 10n ** BigInt(exponent + 40);
}

const decimal = fc.record({
  digits: fc.oneof(fc.bigInt({ min: -200n, max: 200n }), fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n })),
  exponent: fc.integer({ min: -40, max: 40 }),
});
const look = fc.tuple(fc.nat(5), fc.nat(45), fc.constantFrom('e', 'E'));

test('two spellings have the same canonical form if and only if they are the same number', () => {
  fc.assert(
    fc.property(decimal, decimal, look, look, (a, b, lookA, lookB) => {
      const [one, other] = [spelled(a, ...lookA), spelled(b, ...lookB)];
      expect(isJsonNumber(one)).toBe(true);
      expect(canonicalNumber(one)).toBe(canonicalNumber(spelled(a, ...lookB)));
      expect(canonicalNumber(one) === canonicalNumber(other)).toBe(scaled(a) === scaled(b));
      expect(isJsonNumber(canonicalNumber(one))).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test('every spelling of a number of JavaScript can be held by a number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(isHeldByNumber(JSON.stringify(value))).toBe(true);
      expect(isHeldByNumber(value.toExponential())).toBe(true);
    }),
  );
  for (const spelling of ['9007199254740993', '-12345678901234567890', '1e400', '1e23456']) {
    expect(isHeldByNumber(spelling)).toBe(false);
  }
  for (const spelling of ['1.10', '9007199254740992', '1e22', '0.1000000000000000055', '1e-400', '-0']) {
    expect(isHeldByNumber(spelling)).toBe(true);
  }
});

test('only numbers of JSON are recognized as numbers', () => {
  for (const text of ['01', '+1', '.5', '1.', '1e', '0x1', 'NaN', 'Infinity', '', ' 1', '1 ', '1\n', '1_0', '١']) {
    expect(isJsonNumber(text)).toBe(false);
  }
  expect(['-1', '0', '9'].every(isNumberSource)).toBe(true);
  expect(['"1"', 'true', 'null', '[1]', '{}'].some(isNumberSource)).toBe(false);
});
