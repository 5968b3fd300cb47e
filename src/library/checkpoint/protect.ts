/**
 * Copies an input, so that later changes by the caller do not reach the function (semantics P6).
 *
 * Plain objects and arrays are copied, to any depth. Primitives, frozen objects, functions and instances of classes
 * (Date, Map, Buffer, your own) are passed on as they are: a frozen object does not change, and only a class knows how to
 * copy its instances.
 */
export function protectInput<In>(input: In): In {
  if (typeof input !== 'object' || input === null || Object.isFrozen(input)) return input;
  return copy(input, { unremembered: smallTree, seen: undefined });
}

/** Few records have more objects than this. From here on every object is remembered, so that a circular input ends. */
const smallTree = 256;

interface Walk {
  unremembered: number;
  /** Copies by original. */
  seen: Map<object, unknown> | undefined;
}

function copy<Value>(value: Value, walk: Walk): Value;
function copy(value: unknown, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (walk.unremembered === 0) walk.seen ??= new Map();
  else walk.unremembered--;
  const earlier = walk.seen?.get(value);
  if (earlier !== undefined) return earlier;
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice();
    walk.seen?.set(value, items);
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (typeof item === 'object' && item !== null) items[index] = copy(item, walk);
    }
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members: Record<string, unknown> =
    prototype === null ? Object.assign(Object.create(null), value) : { ...value };
  walk.seen?.set(value, members);
  for (const name of Object.keys(members)) {
    const member = members[name];
    if (typeof member === 'object' && member !== null) members[name] = copy(member, walk);
  }
  return members;
}
