import { isUtf8 } from 'node:buffer';
import { isJsonObject, parseJson, type JsonValue } from '../../core/json/json.ts';
import { compact, elements, locate } from '../../wire/json/json-text.ts';
import type { Row } from './table-index.ts';

/** How a file is read. */
export interface TableFormat {
  /** The file's name: `.json` is JSON, any other name NDJSON. */
  readonly name: string;
  readonly key: string;
  /** The character between the cells of a CSV file; undefined for JSON and NDJSON. */
  readonly delimiter: string | undefined;
}

const byteOrderMark = Buffer.from('\uFEFF');

/**
 * The rows of a file, one after the other. Throws Error that names the place and what is wrong. CSV and NDJSON are read as
 * the caller takes rows; JSON is parsed as a whole before the first row.
 */
export async function* rowsOf(file: Buffer, { name, key, delimiter }: TableFormat): AsyncGenerator<Row> {
  if (!isUtf8(file)) throw new Error('is not UTF-8');
  const marked = file.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const bytes = marked ? file.subarray(byteOrderMark.length) : file;
  if (delimiter !== undefined) {
    const { csvRowByRow } = await import('./table-csv.ts');
    yield* csvRowByRow(bytes, { key, delimiter });
  } else {
    const text = bytes.toString('utf8');
    yield* name.toLowerCase().endsWith('.json') ? jsonRows(text, key) : ndjsonRows(text, key);
  }
}

function* ndjsonRows(text: string, key: string): Generator<Row> {
  let number = 0;
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    number++;
    const json = text.slice(at, end).trim();
    if (json !== '') yield rowOf(json, key, `line ${number}`);
    at = end + 1;
  }
}

function jsonRows(text: string, key: string): Row[] {
  const value = parsed(text, 'the file');
  if (Array.isArray(value)) return elements(text).map((json, index) => rowOf(json, key, `element ${index + 1}`));
  if (!isJsonObject(value)) throw new Error('is neither an array of objects nor an object');
  return memberRows(text, value);
}

/** Members named by the key: the sources of the values, in the file's order. */
function memberRows(text: string, value: Readonly<Record<string, JsonValue>>): Row[] {
  const names = Object.keys(value);
  const sources = memberSources(text);
  if (sources.length !== names.length) {
    const seen = new Set<string>();
    const twice = sources.find(([name]) => seen.size === seen.add(name).size);
    throw new Error(`has two rows with the key ${JSON.stringify(twice?.[0])}`);
  }
  return sources.map(([name, json]) => ({
    key: name,
    numeric: false,
    json: compact(json),
    place: `member ${JSON.stringify(name)}`,
  }));
}

/** An object's members are read as the elements of an array of names and values in turn. */
function memberSources(text: string): [string, string][] {
  const flat = elements(membersAsElements(text));
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = parseJson(flat[at] ?? '""');
    if (typeof name === 'string') found.push([name, flat[at + 1] ?? 'null']);
  }
  return found;
}

/** `{"a": 1, "b": [2]}` as `["a", 1, "b", [2]]`: the outermost braces and colons are replaced, in place. */
function membersAsElements(text: string): string {
  let depth = 0;
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    else if (character === ':' && depth === 1) {
      out += `${text.slice(from, at)},`;
      from = at + 1;
    }
  }
  const whole = (out + text.slice(from)).trim();
  return `[${whole.slice(1, -1)}]`;
}

function endOfString(text: string, open: number): number {
  let at = open + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function rowOf(source: string, key: string, place: string): Row {
  const value = parsed(source, place);
  if (!isJsonObject(value)) throw new Error(`${place}: expected an object, found ${source.slice(0, 40)}`);
  const own = Object.hasOwn(value, key) ? value[key] : undefined;
  if (own === undefined) {
    throw new Error(`${place}: has no member "${key}", which is the key; it has ${Object.keys(value).join(', ')}`);
  }
  if (own === null) throw new Error(`${place}: the key "${key}" is null: give the row a key, or take it out`);
  if (typeof own === 'object') throw new Error(`${place}: the key "${key}" is not a string, a number or a boolean`);
  const numeric = typeof own === 'number';
  // Lookups use the text that JavaScript makes of a number. If the key is the same text, the map finds it by its identity.
  const text = String(own);
  const spelling = numeric ? spellingOf(source, key) : text;
  return { key: spelling === text ? text : spelling, numeric, json: compact(source), place };
}

/** A number as the file spells it. */
function spellingOf(source: string, key: string): string {
  const span = locate(source, [key]);
  if (span === undefined) throw new Error(`a member that was parsed cannot be found: ${source.slice(0, 40)}`);
  return source.slice(span.start, span.end);
}

function parsed(text: string, place: string): JsonValue {
  try {
    return parseJson(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${place} is not JSON: ${why}`, { cause });
  }
}
