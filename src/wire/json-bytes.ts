/**
 * Reads JSON in bytes without making values of it: whether it is valid, and where a value ends.
 *
 * A third of the cost of `JSON.parse`. It may refuse what is valid (nesting deeper than `MAX_DEPTH`), and then whoever
 * asks parses; it never takes what `JSON.parse` would refuse. That the bytes are UTF-8 is looked at elsewhere.
 */

export const NOT_UNDERSTOOD = -1;

const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LOWER_E = 0x65;
const UPPER_E = 0x45;
const LOWER_U = 0x75;

/** 1 for a byte that may stand in a string as it is. */
const plain = new Uint8Array(256).fill(1);
plain.fill(0, 0, 0x20);
plain[QUOTE] = 0;
plain[BACKSLASH] = 0;

/** 1 for space, tab, LF and CR. */
const space = new Uint8Array(256);
/** 1 for what may follow a backslash, but for `u`. */
const escape = new Uint8Array(256);
for (const byte of Buffer.from(' \t\n\r')) space[byte] = 1;
for (const byte of Buffer.from('"\\/bfnrt')) escape[byte] = 1;

/** What follows the first letter of a literal, by that letter. */
const literals: ReadonlyMap<number, Buffer> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);

/** Whether the bytes are one JSON value, with white space around it at the most. */
export function isJson(bytes: Uint8Array): boolean {
  const end = skipValue(bytes, skipSpaces(bytes, 0), 0);
  return end !== NOT_UNDERSTOOD && skipSpaces(bytes, end) >= bytes.length;
}

export function skipSpaces(bytes: Uint8Array, from: number): number {
  let at = from;
  while (space[bytes[at] as number] === 1) at++;
  return at;
}

/** Index behind the value that begins at `at`, or NOT_UNDERSTOOD. */
export function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  const first = bytes[at] ?? 0;
  if (first === QUOTE) return skipString(bytes, at + 1);
  if (first === MINUS || (first >= ZERO && first <= NINE)) return skipNumber(bytes, at);
  if (first === OPEN_OBJECT) return depth < MAX_DEPTH ? skipObject(bytes, at + 1, depth + 1) : NOT_UNDERSTOOD;
  if (first === OPEN_ARRAY) return depth < MAX_DEPTH ? skipArray(bytes, at + 1, depth + 1) : NOT_UNDERSTOOD;
  return skipLiteral(bytes, at, first);
}

/** `at` is behind the opening quote; the index given is behind the closing one. */
export function skipString(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = skipPlain(bytes, at);
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return NOT_UNDERSTOOD;
    const escaped = bytes[at + 1] ?? 0;
    if (escape[escaped] === 1) at += 2;
    else if (escaped === LOWER_U && fourHexDigits(bytes, at + 2)) at += 6;
    else return NOT_UNDERSTOOD;
  }
}

/** Index of the first byte that can not stand in a string as it is: past the end, where there is none. */
export function skipPlain(bytes: Uint8Array, from: number): number {
  let at = from;
  while (plain[bytes[at] as number] === 1) at++;
  return at;
}

function fourHexDigits(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < from + 4; at++) {
    const byte = bytes[at] ?? 0;
    const letter = byte | 0x20;
    if (!(byte >= ZERO && byte <= NINE) && !(letter >= 0x61 && letter <= 0x66)) return false;
  }
  return true;
}

function skipNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (bytes[at] === ZERO) at++;
  else if ((at = skipDigits(bytes, at)) === NOT_UNDERSTOOD) return NOT_UNDERSTOOD;
  if (bytes[at] === POINT && (at = skipDigits(bytes, at + 1)) === NOT_UNDERSTOOD) return NOT_UNDERSTOOD;
  if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
    at++;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    return skipDigits(bytes, at);
  }
  return at;
}

/** At least one digit. */
function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
  return at === from ? NOT_UNDERSTOOD : at;
}

function skipLiteral(bytes: Uint8Array, from: number, first: number): number {
  const word = literals.get(first);
  if (word === undefined) return NOT_UNDERSTOOD;
  for (let index = 1; index < word.length; index++) {
    if (bytes[from + index] !== word[index]) return NOT_UNDERSTOOD;
  }
  return from + word.length;
}

function skipArray(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpaces(bytes, from);
  if (bytes[at] === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = skipValue(bytes, at, depth);
    if (at === NOT_UNDERSTOOD) return at;
    at = skipSpaces(bytes, at);
    if (bytes[at] === CLOSE_ARRAY) return at + 1;
    if (bytes[at] !== COMMA) return NOT_UNDERSTOOD;
    at = skipSpaces(bytes, at + 1);
  }
}

function skipObject(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpaces(bytes, from);
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    at = skipName(bytes, at);
    if (at === NOT_UNDERSTOOD) return at;
    at = skipValue(bytes, at, depth);
    if (at === NOT_UNDERSTOOD) return at;
    at = skipSpaces(bytes, at);
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    if (bytes[at] !== COMMA) return NOT_UNDERSTOOD;
    at = skipSpaces(bytes, at + 1);
  }
}

/** A member's name and its colon: index of its value, or NOT_UNDERSTOOD. */
export function skipName(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return NOT_UNDERSTOOD;
  const end = skipString(bytes, at + 1);
  if (end === NOT_UNDERSTOOD) return end;
  const colon = skipSpaces(bytes, end);
  return bytes[colon] === COLON ? skipSpaces(bytes, colon + 1) : NOT_UNDERSTOOD;
}
