import { spelled } from './operators/access.ts';
import { uint } from './operators/arithmetic.ts';
import { ExpressionError, type Frame } from './frame.ts';
import { constant, type Compiler, type Node } from './node.ts';
import { CelMap, type CelType, maxInt, typeOf, Uint, type Value } from './value.ts';

/** A literal such as a number or a text; `value` is what the parser read. */
export function literal(value: Value | { valueOf(): unknown }, at: number): Node {
  if (typeof value === 'bigint' && value > maxInt)
    throw new ExpressionError(`${value} is outside the range of int`, at);
  const known = isScalar(value) ? value : uint(BigInt(String(value.valueOf())));
  return constant(known, typeOf(known), at);
}

function isScalar(value: unknown): value is Value {
  return value === null || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Uint;
}

const stepsPerEntry = 20;
const keyTypes = new Set<CelType>(['bool', 'int', 'uint', 'string']);

/** `[a, b]` */
export function listLiteral(items: readonly Node[], at: number): Node {
  const constants = items.flatMap((item) => (item.constant === undefined ? [] : [item.constant]));
  if (constants.length === items.length) return constant(constants, 'list', at);
  return { type: 'list', at, constant: undefined, run: (frame) => items.map((item) => item.run(frame)) };
}

/** `{a: b}` */
export function mapLiteral(
  entries: readonly (readonly [key: Node, value: Node])[],
  at: number,
  { typed }: Compiler,
): Node {
  for (const [key] of entries) {
    if (!typed || key.type === 'dyn' || keyTypes.has(key.type)) continue;
    throw new ExpressionError(`a map has no keys of type ${key.type}`, key.at);
  }
  const run = (frame: Frame): Value => {
    const made = new CelMap();
    for (const [key, value] of entries) addEntry(made, key.run(frame), value.run(frame), key.at, frame);
    return made;
  };
  return { type: 'map', at, constant: undefined, run };
}

export function addEntry(made: CelMap, key: Value, value: Value, at: number, frame: Frame): void {
  frame.spend(stepsPerEntry);
  const type = typeOf(key);
  if (!keyTypes.has(type)) throw new ExpressionError(`a map has no keys of type ${type}`, at);
  if (made.has(key)) throw new ExpressionError(`the key ${spelled(key)} is in the map twice`, at);
  made.set(key, value);
}
