import { charactersPerStep, ExpressionError, type Frame } from '../frame.ts';
import {
  CelMap,
  CelObject,
  Duration,
  isList,
  isRecord,
  Optional,
  Timestamp,
  TypeValue,
  typeOf,
  Uint,
  type Value,
} from '../value.ts';

/** Steps to push, pop and compare two elements. */
const stepsPerPair = 4;
/** Steps for each member of an object, which has to be listed even to be counted. */
const stepsPerKey = 12;
const stepsPerEntry = 25;

/** `==`. Numbers are compared by value, whatever their types; other values of different types are not equal. Works at any depth. */
export function equal(a: Value, b: Value, frame: Frame): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a === b;
  if (typeof a === 'string' && typeof b === 'string') return equalStrings(a, b, frame);
  if (!isNested(a) || !isNested(b)) return equalScalars(a, b);
  // Pairs that are still to be compared. Not recursive, because a record may be nested deeper than the call stack allows.
  const pending: Value[] = [a, b];
  while (pending.length > 0) {
    const right = pending.pop() ?? null;
    const left = pending.pop() ?? null;
    if (typeof left === 'string' && typeof right === 'string') {
      if (!equalStrings(left, right, frame)) return false;
    } else if (!isNested(left) || !isNested(right)) {
      if (!equalScalars(left, right)) return false;
    } else if (!pairUp(left, right, pending, frame)) return false;
  }
  return true;
}

/** Adds the pairs that must be equal for two lists, maps or optionals to be equal. False if they differ in kind or size. */
function pairUp(a: Value, b: Value, pending: Value[], frame: Frame): boolean {
  if (isList(a)) {
    if (!isList(b) || a.length !== b.length) return false;
    frame.spend(stepsPerPair * a.length);
    for (let index = 0; index < a.length; index += 1) pending.push(a[index] ?? null, b[index] ?? null);
    return true;
  }
  if (a instanceof Optional || b instanceof Optional) {
    if (!(a instanceof Optional) || !(b instanceof Optional)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    pending.push(a.value, b.value);
    return true;
  }
  if (isList(b)) return false;
  const entries = entriesOf(a, frame);
  if (entries.length !== sizeOfMap(b, frame)) return false;
  for (const [key, value] of entries) {
    const other = entryOf(b, key);
    if (other === undefined) return false;
    pending.push(value, other);
  }
  return true;
}

function equalStrings(a: string, b: string, frame: Frame): boolean {
  if (a.length !== b.length) return false;
  frame.spendPass(a.length);
  return a === b;
}

function isNested(value: Value): boolean {
  return isList(value) || value instanceof CelMap || value instanceof Optional || isRecord(value);
}

function equalScalars(a: Value, b: Value): boolean {
  if (a === b) return true;
  const left = numberOf(a);
  if (left !== undefined) {
    const right = numberOf(b);
    return right !== undefined && sign(left, right) === 0;
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  return a instanceof TypeValue && b instanceof TypeValue && a.name === b.name;
}

/** The value of a number of any type; undefined if the value is not a number. */
function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return value instanceof Uint ? value.value : undefined;
}

/** -1, 0 or 1; an integer and a double are compared as doubles, as in CEL. NaN if one side is NaN. */
function sign(a: number | bigint, b: number | bigint): number {
  if (typeof a !== typeof b) return sign(Number(a), Number(b));
  if (a < b) return -1;
  if (a > b) return 1;
  return a === b ? 0 : Number.NaN;
}

/** -1, 0 or 1 by the order of CEL; NaN if one side is NaN. Throws ExpressionError for types without an order. */
export function compare(a: Value, b: Value, frame: Frame): number {
  const left = numberOf(a);
  const right = numberOf(b);
  if (left !== undefined && right !== undefined) return sign(left, right);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b, frame);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Timestamp && b instanceof Timestamp) return sign(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return sign(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    frame.spendPass(Math.min(a.length, b.length));
    return Buffer.compare(a, b);
  }
  throw new ExpressionError(`${typeOf(a)} and ${typeOf(b)} have no order`);
}

/** By code points. UTF-16 sorts surrogates before U+E000 to U+FFFF, but the characters that they encode come after. */
function compareStrings(a: string, b: string, frame: Frame): number {
  const length = Math.min(a.length, b.length);
  frame.spendPass(length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === length) return Math.sign(a.length - b.length);
  const left = a.charCodeAt(at);
  const right = b.charCodeAt(at);
  if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
  return left < right ? -1 : 1;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** `in`. */
export function contains(collection: Value, item: Value, frame: Frame): boolean {
  if (isList(collection)) return listContains(collection, item, frame);
  if (isMap(collection)) return entryOf(collection, item) !== undefined;
  throw new ExpressionError(`in needs a list or a map on its right side, not ${typeOf(collection)}`);
}

function listContains(list: readonly Value[], item: Value, frame: Frame): boolean {
  if (typeof item === 'string') {
    frame.spend(list.length * (1 + Math.floor(item.length / charactersPerStep)));
    return list.includes(item);
  }
  for (const element of list) {
    frame.spend(2);
    if (equal(element, item, frame)) return true;
  }
  return false;
}

export function isMap(value: Value): boolean {
  return value instanceof CelMap || isRecord(value);
}

/** The value of a key; undefined if the map does not have it. Inherited members are not read. */
export function entryOf(map: Value, key: Value): Value | undefined {
  if (map instanceof CelMap) return map.get(key);
  return typeof key === 'string' && isRecord(map) && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** The entries of a map. */
export function entriesOf(map: Value, frame: Frame): readonly (readonly [key: Value, value: Value])[] {
  if (map instanceof CelMap) {
    frame.spend(stepsPerEntry * map.size);
    return map.entries();
  }
  if (map instanceof CelObject || !isRecord(map)) return [];
  const entries = Object.entries(map);
  frame.spend(stepsPerEntry * entries.length);
  return entries;
}

/** The keys of a map. */
export function keysOf(map: Value, frame: Frame): readonly Value[] {
  if (!isRecord(map)) return entriesOf(map, frame).map(([key]) => key);
  const keys = Object.keys(map);
  frame.spend(stepsPerKey * keys.length);
  return keys;
}

export function sizeOfMap(map: Value, frame: Frame): number {
  return map instanceof CelMap ? map.size : keysOf(map, frame).length;
}
