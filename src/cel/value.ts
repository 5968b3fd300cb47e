import type { JsonObject } from '../core/json/json.ts';

export const timestampType = 'google.protobuf.Timestamp';
export const durationType = 'google.protobuf.Duration';

const types = [
  'null_type',
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'type',
  timestampType,
  durationType,
  'optional_type',
] as const;

/** The name of a type in an expression; `dyn` is a type that is known only at evaluation. */
export type CelType = 'dyn' | (typeof types)[number];

/** The largest int. */
export const maxInt = 2n ** 63n - 1n;
export const secondNanos = 1_000_000_000n;

/**
 * A value of an expression. JSON values are used unchanged, so that an expression costs no more than it reads: an object is
 * a map, an array a list, a number a double. An int is a bigint.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | CelObject | JsonObject | readonly Value[];

/** A value that JSON does not have. The class distinguishes it from an object of a record, whatever members that has. */
export abstract class CelObject {
  abstract readonly type: CelType;
}

export class Uint extends CelObject {
  readonly type = 'uint';
  readonly value: bigint;

  constructor(value: bigint) {
    super();
    this.value = value;
  }
}

export class TypeValue extends CelObject {
  readonly type = 'type';
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

abstract class Nanoseconds extends CelObject {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    super();
    this.nanos = nanos;
  }
}

/** Nanoseconds since 1970. */
export class Timestamp extends Nanoseconds {
  readonly type = timestampType;
}

export class Duration extends Nanoseconds {
  readonly type = durationType;
}

export class Optional extends CelObject {
  static readonly none = new Optional(undefined);
  readonly type = 'optional_type';
  /** Undefined for `optional.none()`. */
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    super();
    this.value = value;
  }
}

/** A map that an expression makes. Its keys are bool, int, uint or string; `1`, `1u` and `1.0` are the same key. */
export class CelMap extends CelObject {
  readonly type = 'map';
  readonly #entries = new Map<unknown, readonly [key: Value, value: Value]>();

  get size(): number {
    return this.#entries.size;
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  set(key: Value, value: Value): void {
    this.#entries.set(keyOf(key), [key, value]);
  }

  entries(): readonly (readonly [key: Value, value: Value])[] {
    return [...this.#entries.values()];
  }
}

function keyOf(key: Value): unknown {
  if (typeof key === 'number') return Number.isInteger(key) ? BigInt(key) : key;
  return key instanceof Uint ? key.value : key;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Whether a value is an object of JSON. */
export function isRecord(value: Value): value is JsonObject {
  if (typeof value !== 'object' || value === null) return false;
  // An object that `JSON.parse` made: one comparison for the usual case.
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return !isList(value) && !(value instanceof CelObject) && !(value instanceof Uint8Array);
}

export function typeOf(value: Value): CelType {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  if (value instanceof CelObject) return value.type;
  return value instanceof Uint8Array ? 'bytes' : 'map';
}

export const typeNames: ReadonlyMap<string, TypeValue> = new Map(types.map((name) => [name, new TypeValue(name)]));
