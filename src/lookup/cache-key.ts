import { type Argument, type Arguments, RawJson } from './lookup.ts';

/**
 * The arguments as one text: equal for equal arguments in whatever order they were named, and never equal for others.
 *
 *     { iata: 'SFO', day: 1 }   ──▶   3:dayn1;4:iatas3:SFO
 *
 * A name and a text carry their length, so that none of them can be taken for the beginning of the next; a letter says
 * of what kind a value is: `1` and `"1"` are two. An object, an array and a number that JavaScript would change go by
 * their source: written in another way they are another key, which costs a call and is never wrong.
 */
export function cacheKey(args: Arguments): string {
  const names = Object.keys(args);
  const [only] = names;
  if (only !== undefined && names.length === 1) return partOf(only, args[only]);
  return names
    .toSorted()
    .map((name) => partOf(name, args[name]))
    .join('');
}

function partOf(name: string, value: Argument | undefined): string {
  return `${name.length}:${name}${valueText(value)}`;
}

function valueText(value: Argument | undefined): string {
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (typeof value === 'number') return Object.is(value, -0) ? 'n-0;' : `n${value};`;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return value instanceof RawJson ? `j${value.source.length}:${value.source}` : 'u';
}
