/**
 * Reads JSON in bytes without making values: each function takes the index of a first byte, and returns the index behind
 * the last one, or `NOT_UNDERSTOOD`.
 *
 * No function checks the end of the memory: the caller puts a 0 behind the text, and more than 16 bytes follow the 0. JSON
 * does not contain a 0, so reading stops there.
 */

export const NOT_UNDERSTOOD: i32 = -1;
const MAX_DEPTH: i32 = 64;

const SPACE: u32 = 0x20;
export const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
export const COMMA: u32 = 0x2c;
export const COLON: u32 = 0x3a;
const PLUS: u32 = 0x2b;
const MINUS: u32 = 0x2d;
const POINT: u32 = 0x2e;
const ZERO: u32 = 0x30;
export const OPEN_ARRAY: u32 = 0x5b;
const CLOSE_ARRAY: u32 = 0x5d;
export const OPEN_OBJECT: u32 = 0x7b;
export const CLOSE_OBJECT: u32 = 0x7d;
const LOWER_A: u32 = 0x61;
const LOWER_E: u32 = 0x65;
const LOWER_U: u32 = 0x75;
/** The bit that makes a letter lower case. */
const LOWER: u32 = 0x20;

/** `true`, `null`, and the first four of `false`, as a number of 32 bits. */
const TRUE: u32 = 0x65757274;
const NULL: u32 = 0x6c6c756e;
const FALS: u32 = 0x736c6166;

export function byte(at: i32): u32 {
  return load<u8>(at);
}

function isDigit(character: u32): bool {
  return character - ZERO <= 9;
}

/**
 * Index of the first byte from `from` on that a string may not contain unescaped. Compares 16 bytes together: the end of a
 * loop over single bytes is mispredicted, which is most of the cost of such a loop.
 */
export function skipPlain(from: i32): i32 {
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const quotes = i8x16.eq(bytes, i8x16.splat(0x22));
    const backslashes = i8x16.eq(bytes, i8x16.splat(0x5c));
    const controls = i8x16.eq(i8x16.min_u(bytes, i8x16.splat(0x1f)), bytes);
    const found = i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls));
    if (found != 0) return at + ctz(found);
    at += 16;
  }
}

/** `from` is behind the opening quote; the returned index is behind the closing one. */
export function skipString(from: i32): i32 {
  let at = from;
  while (true) {
    at = skipPlain(at);
    const stop = byte(at);
    if (stop == QUOTE) return at + 1;
    if (stop != BACKSLASH) return NOT_UNDERSTOOD;
    const escaped = byte(at + 1);
    if (isEscape(escaped)) at += 2;
    else if (escaped == LOWER_U && fourHexDigits(at + 2)) at += 6;
    else return NOT_UNDERSTOOD;
  }
}

/** The characters that may follow a backslash, except `u`: the quote, the backslash, the slash and `bfnrt`. */
function isEscape(character: u32): bool {
  switch (character) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true;
    default:
      return false;
  }
}

function fourHexDigits(from: i32): bool {
  for (let at = from; at < from + 4; at++) {
    const digit = byte(at);
    if (!isDigit(digit) && (digit | LOWER) - LOWER_A > 5) return false;
  }
  return true;
}

function skipManySpaces(from: i32): i32 {
  let at = from;
  while (true) {
    const space = byte(at);
    if (space != SPACE && space != 0x09 && space != 0x0a && space != 0x0d) return at;
    at++;
  }
}

/** Most texts have no white space, or one space. */
export function skipSpaces(from: i32): i32 {
  const first = byte(from);
  if (first > SPACE) return from;
  return first == SPACE && byte(from + 1) > SPACE ? from + 1 : skipManySpaces(from);
}

/** At least one digit. */
function skipDigits(from: i32): i32 {
  let at = from;
  while (true) {
    const digits = i8x16.sub(v128.load(at), i8x16.splat(0x30));
    const nonDigits = ~i8x16.bitmask(i8x16.eq(i8x16.min_u(digits, i8x16.splat(9)), digits)) & 0xffff;
    if (nonDigits != 0) {
      at += ctz(nonDigits);
      return at == from ? NOT_UNDERSTOOD : at;
    }
    at += 16;
  }
}

function skipNumber(from: i32): i32 {
  // Without a branch: almost no processor can predict the sign of the next number.
  let at = from + i32(byte(from) == MINUS);
  if (byte(at) == ZERO && isDigit(byte(at + 1))) return NOT_UNDERSTOOD;
  at = skipDigits(at);
  if (at == NOT_UNDERSTOOD) return at;
  if (byte(at) == POINT) {
    at = skipDigits(at + 1);
    if (at == NOT_UNDERSTOOD) return at;
  }
  if ((byte(at) | LOWER) == LOWER_E) {
    at++;
    if (byte(at) == PLUS || byte(at) == MINUS) at++;
    return skipDigits(at);
  }
  return at;
}

/** A number, or true, false or null. */
export function skipScalar(at: i32, first: u32): i32 {
  if (i32(isDigit(first)) | i32(first == MINUS)) return skipNumber(at);
  const word = load<u32>(at);
  if (word == TRUE || word == NULL) return at + 4;
  return word == FALS && byte(at + 4) == LOWER_E ? at + 5 : NOT_UNDERSTOOD;
}

/** Index behind the value that begins at `from`, or NOT_UNDERSTOOD. */
export function skipValue(from: i32): i32 {
  // A bit for each container around the value at `at`, innermost first: 1 for an object.
  let enclosing: u64 = 0;
  let depth = 0;
  let at = from;
  while (true) {
    const first = byte(at);
    if (first == OPEN_OBJECT || first == OPEN_ARRAY) {
      if (depth == MAX_DEPTH) return NOT_UNDERSTOOD;
      depth++;
      enclosing = (enclosing << 1) | u64(first == OPEN_OBJECT);
      at = skipSpaces(at + 1);
      if (byte(at) != closing(enclosing)) {
        if (enclosing & 1) at = skipName(at);
        if (at == NOT_UNDERSTOOD) return at;
        continue;
      }
    } else {
      at = first == QUOTE ? skipString(at + 1) : skipScalar(at, first);
      if (at == NOT_UNDERSTOOD) return at;
      if (depth == 0) return at;
      at = skipSpaces(at);
    }
    while (byte(at) == closing(enclosing)) {
      at++;
      depth--;
      if (depth == 0) return at;
      enclosing >>= 1;
      at = skipSpaces(at);
    }
    if (byte(at) != COMMA) return NOT_UNDERSTOOD;
    at = skipSpaces(at + 1);
    if (enclosing & 1) at = skipName(at);
    if (at == NOT_UNDERSTOOD) return at;
  }
}

function closing(enclosing: u64): u32 {
  return enclosing & 1 ? CLOSE_OBJECT : CLOSE_ARRAY;
}

/** A member's name and its colon: index of its value, or NOT_UNDERSTOOD. */
function skipName(at: i32): i32 {
  if (byte(at) != QUOTE) return NOT_UNDERSTOOD;
  const end = skipString(at + 1);
  if (end == NOT_UNDERSTOOD) return end;
  const colon = skipSpaces(end);
  return byte(colon) == COLON ? skipSpaces(colon + 1) : NOT_UNDERSTOOD;
}
