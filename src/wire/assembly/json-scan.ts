/**
 * Checks whether bytes are JSON, and finds the places of an object's members.
 *
 * AssemblyScript (https://www.assemblyscript.org), which `npm run wasm` compiles into `src/wire/json/json-scan-wasm.ts`. It
 * may refuse valid JSON (nesting deeper than `MAX_DEPTH`, a top-level name with an escape); then the caller parses. It
 * never accepts a text that `JSON.parse` refuses. It does not check whether the bytes are UTF-8.
 */
import {
  byte,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  NOT_UNDERSTOOD,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipPlain,
  skipScalar,
  skipSpaces,
  skipString,
  skipValue,
} from './json-values.ts';

/** What `jsonKind` returns: not JSON, or JSON with these bits. */
const NOT_JSON: i32 = 0;
const JSON_TEXT: i32 = 1;
/** No byte is above 0x7f. */
const ASCII: i32 = 2;
/** There is no white space around the value, and no line break between its tokens. */
const ONE_LINE: i32 = 4;

/** Whether the bytes from `from` up to `end` are one JSON value, with white space around it at the most. A 0 stands at `end`. */
export function jsonKind(from: i32, end: i32): i32 {
  const start = skipSpaces(from);
  const at = skipValue(start);
  if (at == NOT_UNDERSTOOD || skipSpaces(at) != end) return NOT_JSON;
  let above = i8x16.splat(0);
  let breaks = i8x16.splat(0);
  // Up to 16 bytes behind `end` are read as well: they may hide that a text is ASCII, and nothing worse.
  for (let next = from; next < end; next += 16) {
    const bytes = v128.load(next);
    above = v128.or(above, bytes);
    breaks = v128.or(breaks, v128.or(i8x16.eq(bytes, i8x16.splat(0x0a)), i8x16.eq(bytes, i8x16.splat(0x0d))));
  }
  const ascii = i8x16.bitmask(above) == 0 ? ASCII : 0;
  const oneLine = start == from && at == end && !v128.any_true(breaks) ? ONE_LINE : 0;
  return JSON_TEXT | ascii | oneLine;
}

/**
 * The table of the wanted members. Each row has 16 bytes; a name takes as many rows as it needs.
 *
 *   table   [ number of spans | -    | lengths       ]   a bit of 64 for the length of each name, modulo 64
 *           [ start           | end  | is plain | -  ]   for each wanted member: its span, relative to `from`, or -1
 *           [ length          | span | -        | -  ]   for each of them: bytes of its name, address of its span;
 *           [ name, with anything behind it          ]
 *           [ -1              | -    | -        | -  ]   no more
 */
export const ROW: i32 = 16;

/** Address of the span of the member with this name, or -1 if the table does not have the name. Of several spans, the first. */
function spanOf(wanted: i32, name: i32, length: i32): i32 {
  let row = wanted;
  while (true) {
    const size = load<i32>(row);
    if (size == length && isSame(row + ROW, name, length)) return load<i32>(row, 4);
    if (size < 0) return -1;
    row += ROW + ((size + ROW - 1) & -ROW);
  }
}

export function isSame(left: i32, right: i32, length: i32): bool {
  let at = 0;
  while (true) {
    const unequal = ~i8x16.bitmask(i8x16.eq(v128.load(left + at), v128.load(right + at))) & 0xffff;
    const left16 = length - at;
    if (left16 <= ROW) return (unequal & ((1 << left16) - 1)) == 0;
    if (unequal != 0) return false;
    at += ROW;
  }
}

/**
 * Whether the bytes from `from` up to `end` are an object, with white space around it at the most. Writes the spans of its
 * members into the table. Any bytes may follow `end`.
 */
export function scan(from: i32, end: i32, table: i32): bool {
  const wanted = table + ROW + ROW * load<i32>(table);
  const lengths = load<u64>(table, 8);
  for (let span = table + ROW; span < wanted; span += ROW) v128.store(span, i32x4.splat(-1));
  let at = skipSpaces(from);
  if (byte(at) != OPEN_OBJECT) return false;
  at = skipSpaces(at + 1);
  if (byte(at) == CLOSE_OBJECT) return closes(at, end);
  while (true) {
    if (byte(at) != QUOTE) return false;
    const name = at + 1;
    at = skipPlain(name);
    if (byte(at) != QUOTE) return false;
    const length = at - name;
    const span = (lengths >> u64(length)) & 1 ? spanOf(wanted, name, length) : -1;
    at++;
    // Most colons and commas follow immediately; white space is skipped only if one does not.
    if (byte(at) != COLON) {
      at = skipSpaces(at);
      if (byte(at) != COLON) return false;
    }
    at = skipSpaces(at + 1);
    const value = at;
    const first = byte(at);
    let isPlain: i32 = 0;
    if (first == QUOTE) {
      at = skipPlain(at + 1);
      if (byte(at) == QUOTE) {
        isPlain = 1;
        at++;
      } else at = skipString(at);
    } else at = first == OPEN_OBJECT || first == OPEN_ARRAY ? skipValue(at) : skipScalar(at, first);
    if (at == NOT_UNDERSTOOD) return false;
    if (span >= 0) {
      store<i32>(span, value - from);
      store<i32>(span, at - from, 4);
      store<i32>(span, isPlain, 8);
    }
    if (byte(at) != COMMA) {
      at = skipSpaces(at);
      if (byte(at) == CLOSE_OBJECT) return closes(at, end);
      if (byte(at) != COMMA) return false;
    }
    at = skipSpaces(at + 1);
  }
}

/** White space may lead past the end: a brace there does not close this object. */
function closes(at: i32, end: i32): bool {
  return at < end && skipSpaces(at + 1) >= end;
}
