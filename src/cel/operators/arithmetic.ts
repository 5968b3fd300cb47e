import { ExpressionError, type Frame } from '../frame.ts';
import {
  type CelType,
  Duration,
  durationType,
  isList,
  maxInt,
  secondNanos,
  Timestamp,
  timestampType,
  typeOf,
  Uint,
  type Value,
} from '../value.ts';

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';

const minInt = -(2n ** 63n);
const maxUint = 2n ** 64n - 1n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const minTimestamp = -62_135_596_800n * secondNanos;
const maxTimestamp = 253_402_300_800n * secondNanos - 1n;

/** Throws ExpressionError if the number is outside the range of int. */
export function int(value: bigint): bigint {
  if (value < minInt || value > maxInt) throw new ExpressionError('the result is outside the range of int');
  return value;
}

export function uint(value: bigint): Uint {
  if (value < 0n || value > maxUint) throw new ExpressionError('the result is outside the range of uint');
  return new Uint(value);
}

export function timestamp(nanos: bigint): Timestamp {
  if (nanos < minTimestamp || nanos > maxTimestamp) {
    throw new ExpressionError('the result is outside the range of a timestamp (years 1 to 9999)');
  }
  return new Timestamp(nanos);
}

export function duration(nanos: bigint): Duration {
  if (nanos < minInt || nanos > maxInt) {
    throw new ExpressionError('the result is outside the range of a duration (292 years)');
  }
  return new Duration(nanos);
}

/** Throws ExpressionError if the operator is not defined for the two values. */
export function calculate(operator: ArithmeticOperator, a: Value, b: Value, frame: Frame): Value {
  if (typeof a === 'number' && typeof b === 'number' && operator !== '%') return ofDoubles[operator](a, b);
  if (typeof a === 'bigint' && typeof b === 'bigint') return int(ofIntegers[operator](a, b));
  if (a instanceof Uint && b instanceof Uint) return uint(ofIntegers[operator](a.value, b.value));
  if (operator === '+') {
    const sum = joined(a, b, frame) ?? sumOfTimes(a, b);
    if (sum !== undefined) return sum;
  } else if (operator === '-') {
    const difference = differenceOfTimes(a, b);
    if (difference !== undefined) return difference;
  }
  throw new ExpressionError(undefinedFor(operator, typeOf(a), typeOf(b)));
}

export function undefinedFor(operator: string, left: CelType, right: CelType): string {
  const mixed = new Set([left, right]);
  const hint =
    mixed.has('double') && mixed.has('int') ? '; numbers of a record are doubles: write 1.0 instead of 1' : '';
  return `${left} ${operator} ${right} is not defined${hint}`;
}

const ofDoubles: Readonly<Record<Exclude<ArithmeticOperator, '%'>, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

const ofIntegers: Readonly<Record<ArithmeticOperator, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => {
    if (b === 0n) throw new ExpressionError('division by zero');
    return a / b;
  },
  '%': (a, b) => {
    if (b === 0n) throw new ExpressionError('modulus by zero');
    return a % b;
  },
};

function joined(a: Value, b: Value, frame: Frame): Value | undefined {
  if (typeof a === 'string' && typeof b === 'string') {
    frame.spendPass(a.length + b.length);
    return a + b;
  }
  if (isList(a) && isList(b)) {
    frame.spend(2 * (a.length + b.length));
    return [...a, ...b];
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    frame.spendPass(a.length + b.length);
    return Buffer.concat([a, b]);
  }
  return undefined;
}

function sumOfTimes(a: Value, b: Value): Value | undefined {
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Timestamp) return timestamp(a.nanos + b.nanos);
  return undefined;
}

function differenceOfTimes(a: Value, b: Value): Value | undefined {
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Timestamp) return duration(a.nanos - b.nanos);
  return undefined;
}

export function negate(value: Value): Value {
  if (typeof value === 'number') return -value;
  if (typeof value === 'bigint') return int(-value);
  throw new ExpressionError(`-${typeOf(value)} is not defined`);
}

const sums = new Set<CelType>(['int', 'uint', 'double', 'string', 'bytes', 'list']);
const numbers = new Set<CelType>(['int', 'uint', 'double']);
const integers = new Set<CelType>(['int', 'uint']);
const times = new Set<CelType>([timestampType, durationType]);

/** The type of the result, as far as it is known before evaluation; undefined if the operator is not defined for the types. */
export function typeOfResult(operator: ArithmeticOperator, left: CelType, right: CelType): CelType | undefined {
  const [known, other] = left === 'dyn' ? [right, left] : [left, right];
  if (known === 'dyn') return 'dyn';
  if (times.has(known)) {
    const fits = other === 'dyn' || times.has(other);
    return fits && (operator === '+' || operator === '-') ? 'dyn' : undefined;
  }
  const allowed = operator === '+' ? sums : operator === '%' ? integers : numbers;
  return allowed.has(known) && (other === 'dyn' || other === known) ? known : undefined;
}
