import { JsonReader } from './json-reader.ts';
import { closingQuote, closingQuoteFrom, isJsonSpace } from './json-tokens.ts';
import type { JsonValue } from './json-value.ts';

export { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';

/**
 * Brackets that may be open at the same time in a text that is read: what walks over a value may recurse to this depth.
 * RFC 8259, section 9, lets a reader set such a limit; 1000 is also that of Jackson.
 */
export const maxJsonDepth = 1000;

const brackets = ['{', '['] as const;

const QUOTE = 0x22;
const COLON = 0x3a;
/** With this bit `[` becomes `{`, and `]` becomes `}`. */
const CURLY = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * `JSON.parse` for texts that others have written: lines, answers, tables, bodies. Throws SyntaxError with the message
 * of `JSON.parse`, or with that of the depth if the text is nested deeper than `maxJsonDepth`.
 *
 * V8 13.6 to 14.6 (nodejs/node 63785) misreads a member's name that has an escape, if the decoded beginning of the
 * object and the *source* of the name equal an object that was made before: after `{"id":1,"gr\\u0":0}` the name
 * `gr\u00f6\u00dfe` is read as `gr\u0`. A name without an escape, and a string that is no name, is always read right.
 * A text that has a name with an escape is therefore read by `JsonReader`.
 */
export function parseJson(text: string): JsonValue {
  const tooDeep = tooDeepAt(text);
  if (tooDeep >= 0) throw new SyntaxError(depthMessage(tooDeep));
  if (hasEscapedName(text)) return new JsonReader(text).read();
  // Half of what a text that is not JSON costs is the trace of the calls, which says nothing about it.
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
 * Index of the bracket that is one too deep; -1 if there is none, and for a text that is too short to close as many. Stops
 * there. Brackets are counted as if the text were JSON.
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

/** Whether more brackets open than may be open at the same time. Few do in most texts, and a search for them is fast. */
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

/** Whether a member's name of a JSON text has an escape. Of a text that is not JSON the result may be anything. */
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
