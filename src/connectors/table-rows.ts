import { isUtf8 } from 'node:buffer';
import { isJsonObject, parseJson, type JsonValue } from '../core/json.ts';
import { compact, elements, locate } from '../wire/json-text.ts';
import type { Row } from './table-row.ts';

const byteOrderMark = Buffer.from('\uFEFF');

/**
 * Rows of a file, one after the other, or an Error that names the place and what is wrong with it. CSV and NDJSON are
 * read as rows are asked for, JSON as a whole before the first of them.
 */
export async function* rowsOf(extension: string, file: Buffer, key: string): AsyncGenerator<Row> {
  if (!isUtf8(file)) throw new Error('is not UTF-8');
  const marked = file.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const bytes = marked ? file.subarray(byteOrderMark.length) : file;
  if (extension === '.csv') {
    const { csvRowByRow } = await import('./table-csv.ts');
    yield* csvRowByRow(bytes, key);
  } else {
    const text = bytes.toString('utf8');
    yield* extension === '.json' ? jsonRows(text, key) : ndjsonRows(text, key);
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
  return sources.map(([name, json]) => ({ key: name, json: compact(json), place: `member ${JSON.stringify(name)}` }));
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
  if (own === null || typeof own === 'object')
    throw new Error(`${place}: the key "${key}" is no string, number or boolean`);
  return { key: keyText(own, source, key), json: compact(source), place };
}

/** A number that JavaScript would change keeps its spelling, as it does in an argument. */
function keyText(value: string | number | boolean, source: string, key: string): string {
  const span = typeof value === 'number' && !Number.isSafeInteger(value) ? locate(source, [key]) : undefined;
  if (span === undefined) return String(value);
  const spelled = source.slice(span.start, span.end);
  return Number.isInteger(value) || !Number.isFinite(value) ? spelled : String(value);
}

function parsed(text: string, place: string): JsonValue {
  try {
    return parseJson(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${place} is not JSON: ${why}`, { cause });
  }
}
