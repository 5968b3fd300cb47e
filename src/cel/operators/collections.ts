import { sizeOfMap } from './compare.ts';
import { ExpressionError, type Frame } from '../frame.ts';
import { define, method, type Overload } from '../overload.ts';
import { CelMap, Duration, isList, isRecord, Optional, Uint, type Value } from '../value.ts';

/** Functions on lists, maps, bytes and optionals. */
export const collections: readonly Overload[] = [
  define('size', ['list'], 'int', (_, list) => BigInt(list.length)),
  method('size', ['list'], 'int', (_, list) => BigInt(list.length)),
  define('size', ['map'], 'int', (frame, map) => BigInt(sizeOfMap(map, frame))),
  method('size', ['map'], 'int', (frame, map) => BigInt(sizeOfMap(map, frame))),
  define('size', ['bytes'], 'int', (_, bytes) => BigInt(bytes.length)),
  method('size', ['bytes'], 'int', (_, bytes) => BigInt(bytes.length)),

  define('optional.of', ['dyn'], 'optional_type', (_, value) => new Optional(value)),
  define('optional.none', [], 'optional_type', () => Optional.none),
  define('optional.ofNonZeroValue', ['dyn'], 'optional_type', (frame, value) =>
    isZero(value, frame) ? Optional.none : new Optional(value),
  ),
  method('hasValue', ['optional_type'], 'bool', (_, optional) => valueOf(optional) !== undefined),
  method('value', ['optional_type'], 'dyn', (_, optional) => {
    const value = valueOf(optional);
    if (value === undefined) throw new ExpressionError('the optional has no value');
    return value;
  }),
];

function valueOf(optional: Value): Value | undefined {
  return optional instanceof Optional ? optional.value : undefined;
}

/** Whether a value is the default of its type: 0, false, "", an empty list or map, null. */
function isZero(value: Value, frame: Frame): boolean {
  if (isList(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelMap) return value.size === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (isRecord(value)) return sizeOfMap(value, frame) === 0;
  return value === null || value === false || value === 0 || value === 0n || value === '';
}
