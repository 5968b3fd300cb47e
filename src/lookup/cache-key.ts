import { isNumberSource, numberText } from '../core/json/json-number.ts';
import { type Argument, type Arguments, RawJson } from './lookup.ts';

/**
 * The arguments as one text: equal for equal arguments in whatever order they were named, and never equal for others.
 *
 *     { iata: 'SFO', day: 1 }   ──▶   3:dayn1;4:iatas3:SFO
 *
 * A name and a text carry their length, so that none of them can be taken for the beginning of the next; a letter says
 * of what kind a value is: `1` and `"1"` are two. Numbers, objects and arrays count by their source, because that is what
 * a connector may send: `1`, `1.0` and `1e0` are three keys. That costs a call at the most, and is never wrong.
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
  if (typeof value === 'number') return `n${numberText(value)};`;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (!(value instanceof RawJson)) return 'u';
  // As for a number: one that is a constant of the configuration and one of a record share their key.
  if (isNumberSource(value.source)) return `n${value.source};`;
  return `j${value.source.length}:${value.source}`;
}
