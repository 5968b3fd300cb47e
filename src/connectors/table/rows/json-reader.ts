import { freeMemory } from '../../../core/free-memory.ts';
import { isJsonObject, type JsonValue, parseJson } from '../../../core/json/json.ts';
import { closingQuote } from '../../../core/json/json-tokens.ts';
import { compact, elements } from '../../../wire/json/json-text.ts';
import { hashOf, type Key, type RowReader } from './row-reader.ts';
import { endOfLine, NdjsonReader, parsed } from './ndjson-reader.ts';

/**
 * Reads the rows of a JSON file: an array of objects, or an object whose members are named by the key. The file is parsed
 * as a whole. Its rows are then kept as lines.
 *
 *     [{"id": 1}, {"id": 2}]      ▶   {"id": 1}␊{"id": 2}
 *     {"a": [1], "b": "t"}        ▶   "a"[1]␊"b""t"
 *
 * Throws Error that says what is wrong, and where.
 */
export function jsonReader(text: string, key: string): RowReader {
  const value = parsed(text, 'the file');
  if (isJsonObject(value)) return new MemberReader(linesOf(memberLines(text, value)));
  if (!Array.isArray(value)) throw new Error('is neither an array of objects nor an object');
  return new NdjsonReader(linesOf(elements(text).map(elementLine)), key, 'element');
}

function linesOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\n'));
}

function elementLine(source: string, index: number): string {
  if (source.startsWith('{')) return compact(source);
  throw new Error(`element ${index + 1}: expected an object, found ${source.slice(0, 40)}`);
}

function memberLines(text: string, value: Readonly<Record<string, JsonValue>>): string[] {
  const names = Object.keys(value);
  const sources = memberSources(text);
  if (sources.length !== names.length) {
    const seen = new Set<string>();
    const twice = sources.find(([name]) => seen.size === seen.add(name).size);
    throw new Error(`has two rows with the key ${JSON.stringify(twice?.[0])}`);
  }
  return sources.map(([name, json]) => JSON.stringify(name) + compact(json));
}

/** Rows that are members of an object: on each line the name, and behind it the value. No two have one name. */
class MemberReader implements RowReader {
  done: boolean;
  start = 0;
  hash = 0;
  readonly numeric = false;
  readonly oddNumber = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.done = bytes.length === 0;
  }

  get place(): string {
    return `member ${JSON.stringify(this.keyAt(this.start).text)}`;
  }

  next(limit: number): boolean {
    if (this.done || this.#at >= limit) return false;
    this.start = this.#at;
    this.hash = hashOf(this.keyAt(this.start).text);
    this.#at = endOfLine(this.#bytes, this.start) + 1;
    this.done = this.#at >= this.#bytes.length;
    return true;
  }

  rewind(): void {
    this.#at = 0;
    this.done = this.#bytes.length === 0;
  }

  keyAt(start: number): Key {
    const line = this.#line(start);
    const name = parseJson(line.slice(0, closingQuote(line, 0) + 1));
    return { text: typeof name === 'string' ? name : '', numeric: false };
  }

  free(): void {
    freeMemory(this.#bytes);
  }

  jsonAt(start: number): string {
    const line = this.#line(start);
    return line.slice(closingQuote(line, 0) + 1);
  }

  #line(start: number): string {
    return this.#bytes.toString('utf8', start, endOfLine(this.#bytes, start));
  }
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
