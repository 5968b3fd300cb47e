const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Numbers that are in their canonical spelling, as most numbers are: an integer other than `-0`, a short fraction without a final zero. */
const plain = /^(?:0|-?[1-9]\d{0,20}|-?(?:0|[1-9]\d{0,14})\.\d{0,5}[1-9])$/;

/** An exponent with more digits is not calculated with. Up to here the sum of an exponent and a length is exact. */
const exponentDigits = 15;
/** The most digits of an integer, and the most zeros after the point of a fraction, that are written without an exponent. */
const integerDigits = 21;
const fractionZeros = 5;

const ZERO = 0x30;
const MINUS = 0x2d;

/** Whether the text is a number of JSON (RFC 8259, section 6). */
export function isJsonNumber(text: string): boolean {
  return jsonNumber.test(text);
}

/** Whether the source text of a JSON value is a number: only its first character is read. */
export function isNumberSource(source: string): boolean {
  const first = source.charCodeAt(0);
  return first === MINUS || (first >= ZERO && first <= ZERO + 9);
}

/** A number as text; `-0` keeps its sign, which `String` drops. */
export function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/**
 * Whether a number of JavaScript can hold the value: false for an integer that would change (`12345678901234567890`) and
 * for a number that would become infinite (`1e400`). True for a fraction, which becomes the nearest number, as in every
 * reader of JSON.
 */
export function isHeldByNumber(spelling: string): boolean {
  const value = Number(spelling);
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return Number.isFinite(value);
  return canonicalNumber(String(value)) === canonicalNumber(spelling);
}

/**
 * The canonical spelling of a JSON number: the same for equal numbers, different for different numbers.
 *
 *     1.10   11e-1   0.11E+1   ▶ 1.1        10   1e1   10.0   ▶ 10        0   -0   0.00   0e9   ▶ 0
 *
 * Exact: digits stay text, so that numbers beyond 2^53 and beyond 1e308 keep their value. The time is linear in the
 * length of the spelling, whatever its exponent. A number whose exponent has more than 15 digits is returned unchanged.
 */
export function canonicalNumber(spelling: string): string {
  if (plain.test(spelling)) return spelling;
  const negative = spelling.charCodeAt(0) === MINUS;
  const mark = spelling.search(/[eE]/);
  const mantissa = spelling.slice(negative ? 1 : 0, mark < 0 ? undefined : mark);
  const point = mantissa.indexOf('.');
  const all = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  const digits = withoutZeros(all);
  if (digits.text === '') return '0';
  const exponent = mark < 0 ? 0 : exponentOf(spelling.slice(mark + 1));
  if (exponent === undefined) return spelling;
  const fraction = point < 0 ? 0 : mantissa.length - point - 1;
  return (negative ? '-' : '') + spelled(digits.text, exponent - fraction + digits.trailing);
}

/** The digits without zeros at either end, and the number of zeros that were removed at the right end. */
function withoutZeros(digits: string): { readonly text: string; readonly trailing: number } {
  let start = 0;
  while (digits.charCodeAt(start) === ZERO) start++;
  let end = digits.length;
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end--;
  return { text: digits.slice(start, end), trailing: digits.length - end };
}

/** Undefined if the exponent has too many digits. */
function exponentOf(text: string): number | undefined {
  const negative = text.charCodeAt(0) === MINUS;
  let start = negative || text.startsWith('+') ? 1 : 0;
  while (text.charCodeAt(start) === ZERO) start++;
  if (text.length - start > exponentDigits) return undefined;
  const size = Number(text.slice(start));
  return negative ? -size : size;
}

/** `digits` × 10^`exponent`, where the digits neither begin nor end with a zero. */
function spelled(digits: string, exponent: number): string {
  if (exponent >= 0 && digits.length + exponent <= integerDigits) return digits + '0'.repeat(exponent);
  const whole = digits.length + exponent;
  if (exponent < 0 && whole > 0) return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
  if (exponent < 0 && whole >= -fractionZeros) return `0.${'0'.repeat(-whole)}${digits}`;
  return exponent === 0 ? digits : `${digits}e${exponent}`;
}
