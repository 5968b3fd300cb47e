import { isJsonSpace } from '../../core/json/json-tokens.ts';
import { maxJsonDepth } from '../../core/json/json.ts';

/** The place at which a text stops being JSON, and what JSON has there (RFC 8259). */
export interface JsonFault {
  /** Index in UTF-16 units; the length of the text if it ends too early. */
  readonly at: number;
  readonly expected: string;
}

const words: ReadonlyMap<string | undefined, string> = new Map([
  ['t', 'true'],
  ['f', 'false'],
  ['n', 'null'],
]);
const escapes = '"\\/bfnrt';
const fourHexDigits = /[0-9a-fA-F]{4}/y;

/** The first fault; undefined if `parseJson` accepts the text. Makes no values, so it is faster than a parser, and does not recurse. */
export function findJsonFault(text: string): JsonFault | undefined {
  return new FaultFinder(text).run();
}

/** The fault as a message: the place, from 1, the rule, and the character that was found. */
export function describeJsonFault(text: string, fault: JsonFault): string {
  const code = text.codePointAt(fault.at);
  const found = code === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(code));
  return `at character ${fault.at + 1} expected ${fault.expected}, found ${found}`;
}

class FaultFinder {
  readonly #text: string;
  /** The closing brackets of all open containers, the innermost last. */
  readonly #closers: ('}' | ']')[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonFault | undefined {
    for (;;) {
      const before = this.#value();
      if (before === 'opened') continue;
      const fault = before ?? this.#afterValue();
      if (fault !== 'next') return fault === 'over' ? undefined : fault;
    }
  }

  /** At a value: skips the whole value, or opens a container up to its first value. */
  #value(): JsonFault | 'opened' | undefined {
    this.#space();
    const char = this.#text[this.#at];
    if (char === '"') return this.#string();
    if (char === '{' || char === '[') {
      const closer = char === '{' ? '}' : ']';
      if (this.#closers.length === maxJsonDepth) return this.#fault(`at most ${maxJsonDepth} levels of nesting`);
      this.#at++;
      this.#space();
      if (this.#text[this.#at] === closer) {
        this.#at++;
        return undefined;
      }
      this.#closers.push(closer);
      return (closer === '}' ? this.#name('a member name or "}"') : undefined) ?? 'opened';
    }
    return this.#word(char) || this.#number() ? undefined : this.#fault('a value');
  }

  /** After a value: closes containers, up to the next value. */
  #afterValue(): JsonFault | 'next' | 'over' {
    for (;;) {
      this.#space();
      const closer = this.#closers.at(-1);
      const char = this.#text[this.#at];
      if (closer === undefined) return char === undefined ? 'over' : this.#fault('nothing more');
      if (char !== ',' && char !== closer) return this.#fault(`"," or "${closer}"`);
      this.#at++;
      if (char === ',') return (closer === '}' ? this.#name('a member name') : undefined) ?? 'next';
      this.#closers.pop();
    }
  }

  #name(expected: string): JsonFault | undefined {
    this.#space();
    if (this.#text[this.#at] !== '"') return this.#fault(expected);
    const fault = this.#string();
    if (fault !== undefined) return fault;
    this.#space();
    if (this.#text[this.#at] !== ':') return this.#fault('":"');
    this.#at++;
    return undefined;
  }

  #string(): JsonFault | undefined {
    // Locals: with fields a long string took three times as long.
    const text = this.#text;
    let at = this.#at + 1;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return undefined;
      }
      if (code === 0x5c) {
        const end = endOfEscape(text, at);
        if (end < 0) return { at, expected: 'an escape that JSON has' };
        at = end;
      } else if (code >= 0x20) at++;
      else return { at, expected: 'no control character in a string (escape it)' };
    }
    return { at, expected: 'the closing quote of a string' };
  }

  #word(first: string | undefined): boolean {
    const word = words.get(first);
    if (word === undefined || !this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  /** Skips the characters that form a number. */
  #number(): boolean {
    const text = this.#text;
    let at = this.#at;
    if (text[at] === '-') at++;
    const whole = text[at] === '0' ? at + 1 : endOfDigits(text, at);
    if (whole === at) return false;
    at = whole;
    if (text[at] === '.') {
      const end = endOfDigits(text, at + 1);
      if (end > at + 1) at = end;
      else return this.#passed(at);
    }
    if (text[at] === 'e' || text[at] === 'E') {
      const from = text[at + 1] === '+' || text[at + 1] === '-' ? at + 2 : at + 1;
      const end = endOfDigits(text, from);
      if (end > from) at = end;
    }
    return this.#passed(at);
  }

  #passed(at: number): true {
    this.#at = at;
    return true;
  }

  #space(): void {
    const text = this.#text;
    let at = this.#at;
    while (at < text.length && isJsonSpace(text.charCodeAt(at))) at++;
    this.#at = at;
  }

  #fault(expected: string): JsonFault {
    return { at: this.#at, expected };
  }
}

/** -1 if JSON does not have the escape. */
function endOfEscape(text: string, backslash: number): number {
  const char = text.charAt(backslash + 1);
  if (char !== '' && escapes.includes(char)) return backslash + 2;
  fourHexDigits.lastIndex = backslash + 2;
  return char === 'u' && fourHexDigits.test(text) ? backslash + 6 : -1;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++;
  return at;
}
