import { closingQuote, isJsonSpace } from './json-tokens.ts';

/** A value that `JSON.parse` returns. */
export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];
export type JsonObject = { readonly [member: string]: JsonValue };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The text is not JSON; `JSON.parse` then makes the message. */
class Refused extends Error {}

/**
 * Reads JSON with the same result as `JSON.parse`, which it calls for single strings, numbers and words only, never for
 * objects. Several times slower than `JSON.parse`.
 *
 *   open     [ {"a": , [ , {"b": ]     containers that are not closed yet, the innermost last
 *   names    [  a    , '',   b   ]     the member whose value is read next, '' in an array
 */
export class JsonReader {
  readonly #text: string;
  readonly #open: (JsonValue[] | Record<string, JsonValue>)[] = [];
  readonly #names: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Call it once. Throws the SyntaxError of `JSON.parse`. */
  read(): JsonValue {
    try {
      return this.#read();
    } catch (error) {
      if (!(error instanceof Refused || error instanceof SyntaxError)) throw error;
      JSON.parse(this.#text);
      throw new Error('a JSON text was refused that JSON.parse accepts', { cause: error });
    }
  }

  #read(): JsonValue {
    for (;;) {
      let value = this.#value();
      if (value === undefined) continue;
      for (;;) {
        const container = this.#open.at(-1);
        const code = this.#skipSpace();
        if (container === undefined) {
          if (this.#at < this.#text.length) throw new Refused();
          return value;
        }
        put(container, this.#names.at(-1) ?? '', value);
        this.#at++;
        if (code === COMMA) {
          if (!Array.isArray(container)) this.#names[this.#names.length - 1] = this.#name();
          break;
        }
        if (code !== (Array.isArray(container) ? CLOSE_ARRAY : CLOSE_OBJECT)) throw new Refused();
        this.#open.pop();
        this.#names.pop();
        value = container;
      }
    }
  }

  /** A complete value, or undefined after the start of a container that is not empty. */
  #value(): JsonValue | undefined {
    const code = this.#skipSpace();
    if (code === QUOTE) return this.#string();
    if (code !== OPEN_OBJECT && code !== OPEN_ARRAY) return this.#scalar();
    const container: JsonValue[] | Record<string, JsonValue> = code === OPEN_OBJECT ? {} : [];
    this.#at++;
    if (this.#skipSpace() === (code === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      this.#at++;
      return container;
    }
    this.#open.push(container);
    this.#names.push(code === OPEN_OBJECT ? this.#name() : '');
    return undefined;
  }

  /** Reads a member's name and the colon after it. */
  #name(): string {
    if (this.#skipSpace() !== QUOTE) throw new Refused();
    const name = this.#string();
    if (this.#skipSpace() !== COLON) throw new Refused();
    this.#at++;
    return name;
  }

  #string(): string {
    const quote = closingQuote(this.#text, this.#at);
    const string = quote < 0 ? undefined : this.#parsed(quote + 1);
    if (typeof string !== 'string') throw new Refused();
    return string;
  }

  /** Reads a number or a word. */
  #scalar(): JsonValue {
    let end = this.#at;
    while (end < this.#text.length && !endsScalar(this.#text.charCodeAt(end))) end++;
    return this.#parsed(end);
  }

  #parsed(end: number): JsonValue {
    const value: JsonValue = JSON.parse(this.#text.slice(this.#at, end));
    this.#at = end;
    return value;
  }

  /** The code of the next character that is not white space; NaN at the end. */
  #skipSpace(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (!isJsonSpace(code)) return code;
      this.#at++;
    }
  }
}

function put(container: JsonValue[] | Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (Array.isArray(container)) container.push(value);
  else if (name !== '__proto__') container[name] = value;
  else Object.defineProperty(container, name, { value, writable: true, enumerable: true, configurable: true });
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || code <= 0x20;
}
