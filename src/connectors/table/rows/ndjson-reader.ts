import { freeMemory } from '../../../core/free-memory.ts';
import { canonicalNumber, isJsonNumber } from '../../../core/json/json-number.ts';
import { isJsonObject, type JsonValue, parseJson } from '../../../core/json/json.ts';
import { compact, locate } from '../../../wire/json/json-text.ts';
import { MemberScan } from '../../../wire/json/member-scan.ts';
import { MemberTable } from '../../../wire/json/member-table.ts';
import { hashOf, hashOfAscii, type Key, type RowReader } from './row-reader.ts';

const LF = 0x0a;
const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** The first letters of `true` and `false`. */
const TRUE = 0x74;
const FALSE = 0x66;

/**
 * Rows of NDJSON: one object on each line. A scan of the bytes checks most lines and finds their keys; a line that it does
 * not take is parsed, and so is each line with a mistake.
 */
export class NdjsonReader implements RowReader {
  done: boolean;
  start = 0;
  hash = 0;
  numeric = false;
  oddNumber = false;
  readonly #bytes: Buffer;
  readonly #key: string;
  /** What a line is called in messages. */
  readonly #unit: string;
  readonly #scan: MemberScan;
  #at = 0;
  #line = 0;
  /** The key that `#locate` found last. */
  #from = 0;
  #until = 0;
  #isNumber = false;

  constructor(bytes: Buffer, key: string, unit = 'line') {
    this.#bytes = bytes;
    this.#key = key;
    this.#unit = unit;
    this.#scan = new MemberScan(new MemberTable([key]));
    this.done = bytes.length === 0;
  }

  get place(): string {
    return `${this.#unit} ${this.#line}`;
  }

  next(limit: number): boolean {
    while (!this.done && this.#at < limit) {
      const start = this.#at;
      const end = endOfLine(this.#bytes, start);
      this.#at = end + 1;
      this.done = this.#at >= this.#bytes.length;
      this.#line++;
      if (this.#read(start, end)) {
        this.start = start;
        return true;
      }
    }
    return false;
  }

  rewind(): void {
    this.done = this.#bytes.length === 0;
    this.#at = 0;
    this.#line = 0;
  }

  keyAt(start: number): Key {
    const end = endOfLine(this.#bytes, start);
    if (!this.#locate(start, end)) return keyOf(this.#text(start, end), this.#key, this.place);
    return { text: this.#bytes.toString('utf8', this.#from, this.#until), numeric: this.#isNumber };
  }

  free(): void {
    freeMemory(this.#bytes);
  }

  jsonAt(start: number): string {
    return compact(this.#text(start, endOfLine(this.#bytes, start)));
  }

  /** Reads the line that was found last. Returns false if the line is blank. */
  #read(start: number, end: number): boolean {
    if (!this.#locate(start, end)) {
      const text = this.#text(start, end);
      if (text !== '') this.#take(keyOf(text, this.#key, this.place));
      return text !== '';
    }
    const bytes = this.#bytes;
    const hash = startsNumber(bytes[this.#from]) ? -1 : hashOfAscii(bytes, this.#from, this.#until);
    if (hash < 0) {
      this.#take({ text: bytes.toString('utf8', this.#from, this.#until), numeric: this.#isNumber });
    } else {
      this.hash = hash;
      this.numeric = false;
      this.oddNumber = false;
    }
    return true;
  }

  #take({ text, numeric }: Key): void {
    this.hash = hashOf(text);
    this.numeric = numeric;
    this.oddNumber = (numeric || isJsonNumber(text)) && canonicalNumber(text) !== text;
  }

  /**
   * Sets the bytes of the key. Returns false if only a parser can find it, or can say what is wrong. The spans of the scan
   * count bytes, so they are right for all of UTF-8.
   */
  #locate(start: number, end: number): boolean {
    const spans = this.#scan.read(this.#bytes, start, end);
    if (spans === undefined || spans.start(0) < 0) return false;
    const first = this.#bytes[start + spans.start(0)];
    const quotes = first === QUOTE ? 1 : 0;
    this.#from = start + spans.start(0) + quotes;
    this.#until = start + spans.end(0) - quotes;
    this.#isNumber = startsNumber(first);
    return this.#isNumber || first === TRUE || first === FALSE || spans.isPlainString(0);
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString('utf8', start, end).trim();
  }
}

/** The offset of the line feed that ends the line, or of the end of the file. */
export function endOfLine(bytes: Buffer, start: number): number {
  const { length } = bytes;
  let at = start;
  while (at < length && bytes[at] !== LF) at++;
  return at;
}

function startsNumber(byte: number | undefined): boolean {
  return byte === MINUS || (byte !== undefined && byte >= ZERO && byte <= NINE);
}

/** Throws Error that names the place and what is wrong. */
function keyOf(source: string, key: string, place: string): Key {
  const value = parsed(source, place);
  if (!isJsonObject(value)) throw new Error(`${place}: expected an object, found ${source.slice(0, 40)}`);
  const own = Object.hasOwn(value, key) ? value[key] : undefined;
  if (own === undefined) {
    throw new Error(`${place}: has no member "${key}", which is the key; it has ${Object.keys(value).join(', ')}`);
  }
  if (own === null) throw new Error(`${place}: the key "${key}" is null: give the row a key, or take it out`);
  if (typeof own === 'object') throw new Error(`${place}: the key "${key}" is not a string, a number or a boolean`);
  const numeric = typeof own === 'number';
  return { text: numeric ? spellingOf(source, key) : String(own), numeric };
}

/** A number as the file spells it. */
function spellingOf(source: string, key: string): string {
  const span = locate(source, [key]);
  if (span === undefined) throw new Error(`a member that was parsed cannot be found: ${source.slice(0, 40)}`);
  return source.slice(span.start, span.end);
}

/** Throws Error that names the place, if the text is not JSON. */
export function parsed(text: string, place: string): JsonValue {
  try {
    return parseJson(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${place} is not JSON: ${why}`, { cause });
  }
}
