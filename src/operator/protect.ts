/**
 * What the function sees stays what was admitted, whatever the caller does to it later (semantics P6).
 *
 * Copied: plain objects and arrays, to any depth. Kept as they are: primitives, frozen objects (their owner has promised),
 * functions, and instances of classes (Date, Map, Buffer, your own), which only their class knows how to copy.
 */
export function protectInput<In>(input: In): In {
  if (typeof input !== 'object' || input === null || Object.isFrozen(input)) return input;
  return copy(input, undefined, 0);
}

/** A tree is rarely this deep; from here on what was seen is remembered, since it may be a circle. */
const circleDepth = 32;

function copy<Value>(value: Value, seen: Map<object, unknown> | undefined, depth: number): Value;
function copy(value: unknown, seen: Map<object, unknown> | undefined, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = depth < circleDepth ? undefined : (seen ??= new Map());
  const earlier = known?.get(value);
  if (earlier !== undefined) return earlier;
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice();
    known?.set(value, items);
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (typeof item === 'object' && item !== null) items[index] = copy(item, seen, depth + 1);
    }
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members: Record<string, unknown> =
    prototype === null ? Object.assign(Object.create(null), value) : { ...value };
  known?.set(value, members);
  for (const name of Object.keys(members)) {
    const member = members[name];
    if (typeof member === 'object' && member !== null) members[name] = copy(member, seen, depth + 1);
  }
  return members;
}
