import { entryOf, isMap } from './compare.ts';
import { ExpressionError, type Frame } from '../frame.ts';
import type { Compiler, Node } from '../node.ts';
import { CelMap, type CelType, isList, isRecord, Optional, typeOf, Uint, type Value } from '../value.ts';

const withMembers = new Set<CelType>(['dyn', 'map', 'optional_type']);
const withElements = new Set<CelType>(['dyn', 'map', 'list', 'optional_type']);

/** `operand.name` */
export function member(operand: Node, name: string, at: number, text: string, compiler: Compiler): Node {
  requireOneOf(withMembers, operand, 'has no members', at, compiler);
  const { run } = operand;
  return {
    type: 'dyn',
    at,
    constant: undefined,
    run(frame) {
      const owner = run(frame);
      // The usual case first: an object of the record.
      if (isRecord(owner) && Object.hasOwn(owner, name)) {
        const value = owner[name];
        if (value !== undefined) return value;
      }
      if (owner instanceof Optional) return select(owner, name, at);
      const value = isMap(owner) ? entryOf(owner, name) : undefined;
      if (value !== undefined) return value;
      throw new ExpressionError(absent(owner, name, text), at);
    },
  };
}

function absent(owner: Value, name: string, text: string): string {
  return isMap(owner)
    ? `${text} has no member ${JSON.stringify(name)}; ask with has() first`
    : `${text} is ${owner === null ? 'null' : typeOf(owner)} and has no member ${JSON.stringify(name)}`;
}

/** `has(operand.name)`. Throws ExpressionError for a value that cannot have members. */
export function hasMember(operand: Node, name: string, at: number, text: string, compiler: Compiler): Node {
  requireOneOf(withMembers, operand, 'has no members', at, compiler);
  const { run } = operand;
  return {
    type: 'bool',
    at,
    constant: undefined,
    run(frame) {
      const owner = run(frame);
      if (isRecord(owner)) return Object.hasOwn(owner, name);
      if (owner instanceof Optional) return hasEntry(owner.value, name);
      if (owner instanceof CelMap) return owner.has(name);
      throw new ExpressionError(absent(owner, name, text), at);
    },
  };
}

function hasEntry(map: Value | undefined, name: string): boolean {
  return map !== undefined && isMap(map) && entryOf(map, name) !== undefined;
}

/** `operand[index]` */
export function element(operand: Node, index: Node, at: number, compiler: Compiler): Node {
  requireOneOf(withElements, operand, 'has no elements', at, compiler);
  return {
    type: 'dyn',
    at,
    constant: undefined,
    run(frame) {
      const collection = operand.run(frame);
      const key = index.run(frame);
      if (collection instanceof Optional) return select(collection, key, at);
      const value = find(collection, key, at);
      if (value !== undefined) return value;
      const wanted = isList(collection)
        ? `index ${spelled(key)} of ${collection.length} elements`
        : `key ${spelled(key)}`;
      throw new ExpressionError(`there is no ${wanted}`, at);
    },
  };
}

/** `operand.?name` and `operand[?index]` */
export function optionalElement(operand: Node, key: Node, at: number): Node {
  const run = (frame: Frame): Value => {
    const collection = operand.run(frame);
    const index = key.run(frame);
    return select(collection instanceof Optional ? collection : new Optional(collection), index, at);
  };
  return { type: 'optional_type', at, constant: undefined, run };
}

function select(optional: Optional, key: Value, at: number): Optional {
  if (optional.value === undefined) return optional;
  const value = find(optional.value, key, at);
  return value === undefined ? Optional.none : new Optional(value);
}

function find(collection: Value, key: Value, at: number): Value | undefined {
  if (isMap(collection)) return entryOf(collection, key);
  if (isList(collection)) return collection[positionOf(key, at)];
  throw new ExpressionError(`${typeOf(collection)} has no members or elements`, at);
}

function positionOf(key: Value, at: number): number {
  if (typeof key === 'bigint') return Number(key);
  if (key instanceof Uint) return Number(key.value);
  if (typeof key === 'number' && Number.isInteger(key)) return key;
  throw new ExpressionError(`the index of a list is a whole number, not ${typeOf(key)}`, at);
}

export function spelled(key: Value): string {
  if (typeof key === 'string') return JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}...` : key);
  return typeof key === 'bigint' || typeof key === 'number' || typeof key === 'boolean' ? String(key) : typeOf(key);
}

/** `record`, or the variable of a comprehension. */
export function variable(slot: number, at: number): Node {
  return { type: 'dyn', at, constant: undefined, run: (frame) => frame.slots[slot] ?? null };
}

function requireOneOf(types: ReadonlySet<CelType>, node: Node, problem: string, at: number, { typed }: Compiler): void {
  if (typed && !types.has(node.type)) throw new ExpressionError(`${node.type} ${problem}`, at);
}
