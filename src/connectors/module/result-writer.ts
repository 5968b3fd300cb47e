import { types } from 'node:util';
import { RecordError } from '../../core/errors.ts';
import { formatPointer } from '../../core/json/json-pointer.ts';
import { maxJsonDepth } from '../../core/json/json.ts';

const maxPlaceLength = 200;

/**
 * The values of one result of a user's function as JSON.
 *
 * The text is that of `JSON.stringify`. Values that `JSON.stringify` would change silently are refused, with their place:
 * NaN and the infinities, `undefined`, functions and holes in an array, functions and symbols as members, and objects
 * whose content is not in members (Map, Set, RegExp, typed arrays). Users expect the other rules of `JSON.stringify`:
 * `toJSON` is called; a member that is `undefined` is left out; an instance of a class is its own members; -0 is 0.
 */
export class ResultWriter {
  readonly #maxBytes: number;
  #bytesLeft: number;
  /** Number of values written, the current one included. */
  #number = 0;
  readonly #path: (string | number)[] = [];
  /** The objects that contain the current one, by depth. */
  readonly #holders: object[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytesLeft = maxBytes;
  }

  /**
   * The JSON text of the next value. Throws RecordError `invalid_result`, or `response_too_large` if all values together are
   * longer than `maxBytes`, which also ends an endless result.
   */
  write(value: unknown): string {
    this.#number++;
    this.#path.length = 0;
    const before = this.#bytesLeft;
    const json = plainJson(value, before) ?? this.#checkedJson(value);
    this.#bytesLeft = before;
    this.#countBytes(Buffer.byteLength(json) + 1);
    return json;
  }

  #checkedJson(value: unknown): string {
    try {
      return this.#jsonOf(this.#resolved(value, ''), 0);
    } catch (thrown) {
      const known = RecordError.from(thrown);
      // Any other error was thrown by a getter, a `toJSON` or a Proxy of the user.
      throw known === thrown ? known : this.#refusal('a value that cannot be read', known.message);
    }
  }

  /** The value that is written for it: the result of its `toJSON`, if it has one. */
  #resolved(value: unknown, key: string): unknown {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'bigint') return value;
    const holder: { toJSON?: unknown } = Object(value);
    if (typeof holder.toJSON !== 'function') return value;
    if (types.isDate(value) && Number.isNaN(value.getTime()))
      throw this.#refusal('an invalid Date', 'give null instead');
    return Reflect.apply(holder.toJSON, value, [key]);
  }

  #jsonOf(value: unknown, depth: number): string {
    if (typeof value === 'string') {
      // Counted before the text is copied.
      this.#countBytes(value.length + 2);
      return JSON.stringify(value);
    }
    if (typeof value === 'number') {
      if (Number.isFinite(value)) return this.#short(String(value));
      throw this.#refusal(String(value), 'JSON has no such number; give null instead');
    }
    if (value === null || typeof value === 'boolean') return this.#short(String(value));
    if (typeof value === 'object') return this.#object(value, depth);
    if (typeof value === 'bigint')
      throw this.#refusal('a BigInt', 'give a text, or JSON.rawJSON(String(value)) for a number with all its digits');
    throw this.#refusal(value === undefined ? 'undefined' : `a ${typeof value}`, 'JSON has no such value');
  }

  #object(value: object, depth: number): string {
    // Getters or Proxies may give new objects without end; only this bound stops them.
    if (depth === maxJsonDepth) throw this.#refusal('a value', `it is more than ${maxJsonDepth} levels deep`);
    for (let level = 0; level < depth; level++)
      if (this.#holders[level] === value) throw this.#refusal('an object that holds itself', 'JSON has no circles');
    this.#holders[depth] = value;
    this.#countBytes(2);
    const text = Array.isArray(value) ? this.#array(value, depth) : this.#members(value, depth);
    this.#path.length = depth;
    return text;
  }

  #array(values: readonly unknown[], depth: number): string {
    let text = '';
    const { length } = values;
    for (let index = 0; index < length; index++) {
      this.#path[depth] = index;
      const value = this.#resolved(values[index], String(index));
      if (value === undefined && !(index in values)) throw this.#refusal('a hole in an array', 'give null instead');
      text += (index === 0 ? '' : ',') + this.#jsonOf(value, depth + 1);
    }
    return `[${text}]`;
  }

  #members(value: object, depth: number): string {
    const names = Object.keys(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype) {
      if (prototype === null && isRawJson(value)) return this.#short(String(Reflect.get(value, 'rawJSON')));
      if (hasHiddenContent(value) || (names.length === 0 && !isPlain(prototype)))
        throw this.#refusal(className(value), 'its content is not in members; give an array or a plain object');
    }
    let text = '';
    for (const name of names) {
      this.#path[depth] = name;
      const member = this.#resolved(Reflect.get(value, name), name);
      if (member === undefined) continue;
      this.#countBytes(name.length + 3);
      text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${this.#jsonOf(member, depth + 1)}`;
    }
    return `{${text}}`;
  }

  #short(text: string): string {
    this.#countBytes(text.length);
    return text;
  }

  /** Counts bytes while they are written, so that a refused result never grows far beyond the limit. */
  #countBytes(bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft >= 0) return;
    throw new RecordError(
      'response_too_large',
      `the result of the function is larger than ${this.#maxBytes} bytes (maxResponseBytes)`,
    );
  }

  #refusal(what: string, why: string): RecordError {
    const place = formatPointer(this.#path.map(String));
    const shown = place.length > maxPlaceLength ? `${place.slice(0, maxPlaceLength)}…` : place;
    const where = place === '' ? `as value ${this.#number}` : `at ${shown} of value ${this.#number}`;
    return new RecordError('invalid_result', `the function gave ${what} ${where} of its result: ${why}`);
  }
}

/**
 * The same text for plain data, made by `JSON.stringify`, which is four times as fast. Almost all results are plain data.
 * Undefined if any part of the value has to be checked.
 */
function plainJson(value: unknown, maxBytes: number): string | undefined {
  try {
    return plainBytes(value, maxBytes, 0) <= maxBytes ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}

const plainDepth = 32;

/** A lower bound of the bytes of the JSON of plain data; Infinity for other data, and for more than `maxBytes`. */
function plainBytes(value: unknown, maxBytes: number, depth: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number') return Number.isFinite(value) ? 1 : Infinity;
  if (value === null || typeof value === 'boolean') return 4;
  return typeof value === 'object' ? plainObjectBytes(value, maxBytes, depth) : Infinity;
}

function plainObjectBytes(value: object & { readonly toJSON?: unknown }, maxBytes: number, depth: number): number {
  if (depth === plainDepth || value.toJSON !== undefined) return Infinity;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && bytes <= maxBytes; index++)
      bytes += plainBytes(value[index], maxBytes, depth + 1);
    return bytes;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return Infinity;
  const members: { readonly [name: string]: unknown } = value;
  for (const name in members) {
    const member = members[name];
    if (member !== undefined) bytes += plainBytes(member, maxBytes, depth + 1);
    if (bytes > maxBytes) return Infinity;
  }
  return bytes;
}

const rawJsonTest: unknown = Reflect.get(JSON, 'isRawJSON');

function isRawJson(value: object): boolean {
  return typeof rawJsonTest === 'function' && Reflect.apply(rawJsonTest, JSON, [value]) === true;
}

/** Objects of the language whose content is not in their members. */
function hasHiddenContent(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isNativeError(value) ||
    types.isArrayBufferView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value)
  );
}

/** Whether it is the prototype of an object literal, of this realm or of another one (`node:vm`). */
function isPlain(prototype: unknown): boolean {
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
}

function className(value: object): string {
  const maker: unknown = value.constructor;
  const name = typeof maker === 'function' ? maker.name : '';
  return typeof name === 'string' && name !== '' ? `an object of class ${name}` : 'an object of a class';
}
