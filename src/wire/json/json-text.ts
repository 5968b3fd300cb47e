import { arrayIndex } from '../../core/json/json-pointer.ts';
import { closingQuote, isJsonSpace } from '../../core/json/json-tokens.ts';
import { parseJson } from '../../core/json/json.ts';

/**
 * Reads the source text of JSON that is known to be valid, without making values of it. Text that is not valid gives a
 * wrong answer or an Error, never an endless loop.
 */

/** The place of a value: `text.slice(start, end)`, without the white space around it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The value of a container for one token. */
export interface Child {
  /** Undefined if the container does not have the token. */
  readonly span: Span | undefined;
  readonly kind: 'object' | 'array';
  /** Number of members or elements read; all of them if `span` is undefined. */
  readonly count: number;
  /** Index of the closing bracket, if `span` is undefined. */
  readonly close: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The span of the value that a pointer's tokens name, as `JSON.parse` and `resolvePointer` would find it. */
export function locate(text: string, tokens: readonly string[]): Span | undefined {
  let at = skipSpace(text, 0);
  for (const token of tokens) {
    const span = childOf(text, at, token)?.span;
    if (span === undefined) return undefined;
    at = span.start;
  }
  return { start: at, end: endOfValue(text, at) };
}

/**
 * Looks for a token in the container that opens at `open`; undefined if no container does. Names are compared
 * after unescaping, and of several members with one name the last counts, as for `JSON.parse`.
 */
export function childOf(text: string, open: number, token: string): Child | undefined {
  const code = text.charCodeAt(open);
  if (code === OPEN_OBJECT) return memberOf(text, open, token);
  if (code === OPEN_ARRAY) return elementOf(text, open, arrayIndex(token));
  return undefined;
}

/** The source of each element of an array. Throws if the text is not an array. */
export function elements(text: string): string[] {
  const open = skipSpace(text, 0);
  if (text.charCodeAt(open) !== OPEN_ARRAY) throw new Error(`not the text of an array: ${text.slice(0, 40)}`);
  const found: string[] = [];
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) !== CLOSE_ARRAY) {
    const end = endOfValue(text, at);
    found.push(text.slice(at, end));
    at = afterComma(text, end);
  }
  return found;
}

/** The source of each member of an object, by its name. Of several with one name the last counts. Throws Error if the text is no object. */
export function members(text: string): Map<string, string> {
  const open = skipSpace(text, 0);
  if (text.charCodeAt(open) !== OPEN_OBJECT) throw new Error(`not the text of an object: ${text.slice(0, 40)}`);
  const found = new Map<string, string>();
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) !== CLOSE_OBJECT) {
    const nameEnd = endOfString(text, at);
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    found.set(unquoted(text.slice(at, nameEnd)), text.slice(start, end));
    at = afterComma(text, end);
  }
  return found;
}

/** The text of a JSON string. */
export function unquoted(source: string): string {
  const value = parseJson(source);
  if (typeof value !== 'string') throw new Error(`not the text of a string: ${source.slice(0, 40)}`);
  return value;
}

/** The names of an object's members, unescaped, as often as they are there. Throws Error if the text is no object. */
export function memberNames(text: string): string[] {
  const open = skipSpace(text, 0);
  if (text.charCodeAt(open) !== OPEN_OBJECT) throw new Error(`not the text of an object: ${text.slice(0, 40)}`);
  const found: string[] = [];
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) !== CLOSE_OBJECT) {
    const nameEnd = endOfString(text, at);
    found.push(unquoted(text.slice(at, nameEnd)));
    at = afterComma(text, endOfValue(text, skipSpace(text, skipSpace(text, nameEnd) + 1)));
  }
  return found;
}

/** Takes out CR and LF, which in valid JSON stand between tokens alone; everything else is kept. */
export function compact(text: string): string {
  if (!text.includes('\n') && !text.includes('\r')) return text;
  return text.replaceAll(/[\r\n]+/g, '');
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isJsonSpace(text.charCodeAt(at))) at++;
  return at;
}

function memberOf(text: string, open: number, name: string): Child {
  let span: Span | undefined;
  let count = 0;
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) !== CLOSE_OBJECT) {
    const nameEnd = endOfString(text, at);
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    if (isName(text, at, nameEnd, name)) span = { start, end };
    count++;
    at = afterComma(text, end);
  }
  return { span, kind: 'object', count, close: at };
}

function elementOf(text: string, open: number, index: number): Child {
  let count = 0;
  let at = skipSpace(text, open + 1);
  while (text.charCodeAt(at) !== CLOSE_ARRAY) {
    const end = endOfValue(text, at);
    if (count === index) return { span: { start: at, end }, kind: 'array', count, close: -1 };
    count++;
    at = afterComma(text, end);
  }
  return { span: undefined, kind: 'array', count, close: at };
}

function isName(text: string, start: number, end: number, name: string): boolean {
  const inner = start + 1;
  if (end - 1 - inner === name.length && text.startsWith(name, inner)) return !name.includes('\\');
  // Two spellings of one name differ by an escape, and an escape is never shorter than its character.
  if (end - 1 - inner <= name.length) return false;
  // Each unit of a name takes six characters at the most.
  if (end - 1 - inner > 6 * name.length) return false;
  const source = text.slice(start, end);
  return source.includes('\\') && parseJson(source) === name;
}

/** Index of the next member or element, or of the closing bracket. */
export function afterComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

export function endOfValue(text: string, start: number): number {
  const code = text.charCodeAt(start);
  if (code === QUOTE) return endOfString(text, start);
  if (code === OPEN_OBJECT || code === OPEN_ARRAY) return endOfContainer(text, start);
  let at = start;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++;
  if (at === start) throw notJson(text, start);
  return at;
}

function endOfContainer(text: string, open: number): number {
  let depth = 0;
  let at = open;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    at++;
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++;
    else if ((code === CLOSE_OBJECT || code === CLOSE_ARRAY) && --depth === 0) return at;
  }
  throw notJson(text, open);
}

function endOfString(text: string, open: number): number {
  const quote = text.charCodeAt(open) === QUOTE ? closingQuote(text, open) : -1;
  if (quote < 0) throw notJson(text, open);
  return quote + 1;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || isJsonSpace(code);
}

function notJson(text: string, at: number): Error {
  return new Error(`not valid JSON text at character ${at + 1}: ${JSON.stringify(text.slice(at, at + 40))}`);
}
