import { type JsonObject, JsonReader, type JsonValue } from './json-reader.ts';
import { closingQuote, closingQuoteFrom, isJsonSpace } from './json-tokens.ts';

export type { JsonObject, JsonValue } from './json-reader.ts';

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The depth to which a text may be nested: code that walks over a value may recurse to this depth. RFC 8259, section 9,
 * lets a reader set such a limit; Jackson has the same one.
 */
export const maxJsonDepth = 1000;

const brackets = ['{', '['] as const;

const QUOTE = 0x22;
const COLON = 0x3a;
/** Setting this bit turns `[` into `{`, and `]` into `}`. */
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * `JSON.parse` for texts from outside: lines, answers, tables, bodies. Throws SyntaxError with the message of
 * `JSON.parse`, or with a message of its own if the text is nested deeper than `maxJsonDepth`.
 *
 * V8 13.6 to 14.6 (nodejs/node 63785) misreads a member's name that has an escape, if the decoded beginning of the
 * object and the *source* of the name equal an object that was made before: after `{"id":1,"gr\\u0":0}` the name
 * `gr\u00f6\u00dfe` is read as `gr\u0`. A name without an escape, and a string that is not a name, is always read correctly.
 * So `JsonReader` reads a text that has a name with an escape.
 */
export function parseJson(text: string): JsonValue {
  const tooDeep = tooDeepAt(text);
  if (tooDeep >= 0) throw new SyntaxError(depthMessage(tooDeep));
  if (hasEscapedName(text)) return new JsonReader(text).read();
  // No stack trace: for a text that is not JSON it is half of the cost, and it says nothing about the text.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Index of the first bracket that is nested too deep, or -1; also -1 for a text that is too short to close so many
 * brackets. Brackets are counted as if the text were JSON.
 */
function tooDeepAt(text: string): number {
  if (text.length <= 2 * maxJsonDepth || !hasManyBrackets(text)) return -1;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = closingQuote(text, at);
      if (at < 0) return -1;
    } else if ((code | CURLY) === OPEN) {
      depth++;
      if (depth > maxJsonDepth) return at;
    } else if ((code | CURLY) === CLOSE) depth--;
  }
  return -1;
}

/** Whether the text has more opening brackets than may be open at the same time. Most texts have few, and the search is fast. */
function hasManyBrackets(text: string): boolean {
  let left = maxJsonDepth;
  for (const bracket of brackets) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (left === 0) return true;
      left--;
    }
  }
  return false;
}

function depthMessage(at: number): string {
  return `nested deeper than ${maxJsonDepth} levels at character ${at + 1}`;
}

/** Whether the name of a member has an escape. If the text is not JSON, the result may be either. */
function hasEscapedName(text: string): boolean {
  let escape = text.indexOf('\\');
  while (escape >= 0) {
    let at = closingQuoteFrom(text, escape) + 1;
    if (at === 0) return false;
    while (isJsonSpace(text.charCodeAt(at))) at++;
    if (text.charCodeAt(at) === COLON) return true;
    escape = text.indexOf('\\', at);
  }
  return false;
}
