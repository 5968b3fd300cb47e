import { RecordError } from '../../core/errors.ts';
import { formatPointer } from '../../core/json/json-pointer.ts';
import { isJsonObject, type JsonValue, parseJson } from '../../core/json/json.ts';
import { RawJson } from '../../lookup/lookup.ts';
import type { Entry } from './entry.ts';
import { recordOf } from './record-text.ts';

/** Characters of a key that is an object or an array: to compare one of 1 MiB takes a quarter of a second. */
const longestKey = 64 * 1024;

/**
 * The key of a line's record: records of one key keep their order. Undefined for a record without it, and for a line that
 * is not a record. Parses the line; the record, or the fault of the line, stays in the entry. Never throws.
 *
 * Keys are equal if their JSON values are: `1` and `1.0` are one key, `1` and `"1"` are two, and the order of an
 * object's members does not count.
 */
export function recordKey(tokens: readonly string[]): (entry: Entry) => string | undefined {
  const place = formatPointer(tokens);
  return (entry) => {
    if (typeof entry.line !== 'string') return undefined;
    const record = recordOf(entry.line);
    entry.record = record;
    if (record instanceof RecordError) return undefined;
    const value = record.at(tokens);
    const fault = faultOf(value);
    if (fault === undefined && value !== undefined) return spelling(jsonOf(value));
    entry.refusal = new RecordError('missing_argument', `${place} ${fault}`);
    return undefined;
  };
}

/** Numbers become JavaScript numbers, so that a key is the same in lines of any length. */
function jsonOf(value: JsonValue | RawJson): JsonValue {
  return value instanceof RawJson ? parseJson(value.source) : value;
}

/** Why a value is no key. */
function faultOf(value: JsonValue | RawJson | undefined): string | undefined {
  if (value === undefined) return 'is missing; the key is read from it';
  if (value === null) return 'is null; the key is read from it';
  if (!(value instanceof RawJson) || value.source.length <= longestKey) return undefined;
  return `holds ${value.source.length} characters of JSON, and a key that is no string may have ${longestKey}: choose a smaller one`;
}

/** One text for each JSON value: a quote, a bracket or a brace in front tells strings and containers from the rest. */
function spelling(value: JsonValue): string {
  if (typeof value === 'string') return `"${value}`;
  if (typeof value !== 'object') return String(value);
  // Recursive, to the depth of `maxJsonDepth`: half of what the stack has room for.
  return JSON.stringify(value, (_name, inner: JsonValue) => (isJsonObject(inner) ? sorted(inner) : inner));
}

function sorted(object: Readonly<Record<string, JsonValue>>): JsonValue {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
