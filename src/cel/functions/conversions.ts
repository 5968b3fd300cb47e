import { duration, int, timestamp, uint } from '../operators/arithmetic.ts';
import { parseDuration, parseTimestamp, spellDuration, spellTimestamp } from './time-text.ts';
import { ExpressionError } from '../frame.ts';
import { define, type Overload } from '../overload.ts';
import { durationType, secondNanos, timestampType, typeNames, typeOf, TypeValue } from '../value.ts';

const truths = new Set(['1', 't', 'true', 'TRUE', 'True']);
const falsehoods = new Set(['0', 'f', 'false', 'FALSE', 'False']);
/** Longer text is not converted: no number needs so many characters. */
const maxNumberLength = 400;

/** Steps of one conversion: reading or writing a number or a time takes up to 3 microseconds. */
const stepsPerConversion = 100;

/** `int(x)`, `string(x)` and so on. */
export const conversions: readonly Overload[] = [
  define('dyn', ['dyn'], 'dyn', (_, value) => value),
  define('type', ['dyn'], 'type', (_, value) => {
    const name = typeOf(value);
    return typeNames.get(name) ?? new TypeValue(name);
  }),

  define('bool', ['bool'], 'bool', (_, value) => value),
  define('bool', ['string'], 'bool', (_, text) => {
    if (truths.has(text)) return true;
    if (falsehoods.has(text)) return false;
    throw new ExpressionError('the text spells neither true nor false');
  }),

  define('int', ['int'], 'int', (_, value) => value),
  define('int', ['uint'], 'int', (_, { value }) => int(value)),
  define('int', ['double'], 'int', (_, value) => int(truncated(value, 'int'))),
  define('int', ['string'], 'int', (_, text) => int(integer(text, /^[+-]?\d+$/, 'int'))),
  define('int', [timestampType], 'int', (_, { nanos }) => floorDivide(nanos, secondNanos)),
  define('int', [durationType], 'int', (_, { nanos }) => nanos / secondNanos),

  define('uint', ['uint'], 'uint', (_, value) => value),
  define('uint', ['int'], 'uint', (_, value) => uint(value)),
  define('uint', ['double'], 'uint', (_, value) => uint(truncated(value, 'uint'))),
  define('uint', ['string'], 'uint', (_, text) => uint(integer(text, /^\+?\d+$/, 'uint'))),

  define('double', ['double'], 'double', (_, value) => value),
  define('double', ['int'], 'double', (_, value) => Number(value)),
  define('double', ['uint'], 'double', (_, { value }) => Number(value)),
  define('double', ['string'], 'double', (_, text) => double(text)),

  define('string', ['string'], 'string', (_, value) => value),
  define('string', ['bool'], 'string', (_, value) => String(value)),
  define('string', ['int'], 'string', (_, value) => String(value)),
  define('string', ['uint'], 'string', (_, { value }) => String(value)),
  define('string', ['double'], 'string', (_, value) => spellDouble(value)),
  define('string', ['bytes'], 'string', (frame, bytes) => {
    frame.spendPass(bytes.length);
    return utf8(bytes);
  }),
  define('string', [timestampType], 'string', (_, value) => spellTimestamp(value.nanos)),
  define('string', [durationType], 'string', (_, value) => spellDuration(value.nanos)),

  define('bytes', ['bytes'], 'bytes', (_, value) => value),
  define('bytes', ['string'], 'bytes', (frame, text) => {
    frame.spendPass(text.length);
    return Buffer.from(text);
  }),

  define('timestamp', [timestampType], timestampType, (_, value) => value),
  define('timestamp', ['string'], timestampType, (_, text) => timestamp(parseTimestamp(text))),
  define('timestamp', ['int'], timestampType, (_, seconds) => timestamp(seconds * secondNanos)),
  define('duration', [durationType], durationType, (_, value) => value),
  define('duration', ['string'], durationType, (_, text) => duration(parseDuration(text))),
  define('duration', ['int'], durationType, (_, seconds) => duration(seconds * secondNanos)),
].map((overload) => ({
  ...overload,
  run(args, frame) {
    frame.spend(stepsPerConversion);
    return overload.run(args, frame);
  },
}));

function truncated(value: number, type: string): bigint {
  // The ends of the range are not doubles: a double that is rounded to them is outside.
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 64 || (type === 'int' && Math.abs(value) >= 2 ** 63)) {
    throw new ExpressionError(`the number is outside the range of ${type}`);
  }
  return BigInt(Math.trunc(value));
}

function integer(text: string, spelling: RegExp, type: string): bigint {
  if (text.length > maxNumberLength || !spelling.test(text)) throw new ExpressionError(`the text spells no ${type}`);
  return BigInt(text.replace(/^\+/, ''));
}

function double(text: string): number {
  if (text.length <= maxNumberLength) {
    if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
    const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
    if (word?.[2]?.toLowerCase() === 'nan') return Number.NaN;
    if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  throw new ExpressionError('the text spells no double');
}

function spellDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ExpressionError('the bytes are not UTF-8');
  }
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && value % by !== 0n ? quotient - 1n : quotient;
}
