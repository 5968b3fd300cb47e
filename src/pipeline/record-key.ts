import { RecordError } from '../core/errors.ts';
import { formatPointer, resolvePointer } from '../core/json-pointer.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import { parseLine } from '../wire/codec.ts';
import type { Entry } from './invoke-records.ts';

/**
 * The key that a line's record is kept in order by, undefined where it has none; a line that is no record has none.
 * Parses the line, once: the parse, or what is wrong with the line, stays in the entry. Never throws.
 *
 * Keys are equal where their JSON values are: `1` and `1.0` are one key, `1` and `"1"` are two, and the order of an
 * object's members does not count.
 */
export function recordKey(tokens: readonly string[]): (entry: Entry) => string | undefined {
  const place = formatPointer(tokens);
  return (entry) => {
    if (typeof entry.line !== 'string') return undefined;
    const record = parseLine(entry.line);
    entry.record = record;
    if (record instanceof RecordError) return undefined;
    const value = resolvePointer(record, tokens);
    if (value !== undefined && value !== null) return spelling(value);
    const what = value === null ? 'holds null' : 'holds nothing';
    entry.refusal = new RecordError('missing_argument', `${place} ${what}, and the key is taken from there`);
    return undefined;
  };
}

/** One text for each JSON value: a quote, a bracket or a brace in front tells strings and containers from the rest. */
function spelling(value: JsonValue): string {
  if (typeof value === 'string') return `"${value}`;
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_name, inner: JsonValue) => (isJsonObject(inner) ? sorted(inner) : inner));
}

function sorted(object: Readonly<Record<string, JsonValue>>): JsonValue {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
