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
  if (args !== keyed.args) keyed = { args, key: keyOf(args) };
  return keyed.key;
}

/** The last arguments: several layers need the key of one request, one after the other. */
let keyed: { readonly args: Arguments; readonly key: string } = { args: {}, key: '' };

function keyOf(args: Arguments): string {
  const names = Object.keys(args);
  const [only] = names;
  if (only !== undefined && names.length === 1) return `${only.length}:${only}${valueText(args[only])}`;
  let key = '';
  for (const { name, head } of headsOf(names)) key += head + valueText(args[name]);
  return key;
}

/** A name, and the text of it that stands before its value. */
interface Head {
  readonly name: string;
  readonly head: string;
}

/** Those of the last arguments. The records of a stream have the same names, one after the other. */
let last: { readonly names: readonly string[]; readonly heads: readonly Head[] } = { names: [], heads: [] };

/** In the order of their names. */
function headsOf(names: readonly string[]): readonly Head[] {
  const known = last.names;
  let alike = known.length === names.length;
  for (let at = 0; alike && at < names.length; at++) alike = known[at] === names[at];
  if (!alike) last = { names, heads: names.toSorted().map((name) => ({ name, head: `${name.length}:${name}` })) };
  return last.heads;
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
