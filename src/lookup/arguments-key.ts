import { isNumberSource, numberText } from '../core/json/json-number.ts';
import { type Argument, type Arguments, RawJson } from './lookup.ts';

/**
 * The arguments as one text. Equal arguments have equal texts, in any order of their names; different arguments have different texts.
 *
 *     { iata: 'SFO', day: 1 }   ──▶   3:dayn1;4:iatas3:SFO
 *
 * A name and a text carry their length, so that neither can run into the text after it. A letter says of what kind a
 * value is: `1` and `"1"` are two keys. Numbers, objects and arrays count by their source, because a connector may send
 * the source: `1`, `1.0` and `1e0` are three keys. Values that are equal in another way cost one more call each.
 */
export function argumentsKey(args: Arguments): string {
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
  // The same key as a number: a constant of the configuration and a value of a record share it.
  if (isNumberSource(value.source)) return `n${value.source};`;
  return `j${value.source.length}:${value.source}`;
}
