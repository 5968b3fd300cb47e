/**
 * Reads the fields of the head of an HTTP/1.1 answer, as long as their lines are usual.
 *
 * AssemblyScript (https://www.assemblyscript.org), which `npm run wasm` compiles into `../field-scan-wasm.ts`. A usual line is
 * a token, a colon, and a value without tabs and other control characters, and ends with CRLF (RFC 9112, 5). All other lines,
 * the empty one among them, are left to the parser.
 */

const CR: u32 = 0x0d;
const LF: u32 = 0x0a;
const SP: u32 = 0x20;
const COLON: u32 = 0x3a;
const LONGEST_NAME: i32 = 31;
const ROW: i32 = 16;

/**
 * Reads usual lines from `from` on, and returns the index behind the last one. A 0 stands at the end of the bytes, and more
 * than 16 bytes follow it. Writes a row for each line whose name has one of the lengths: bit n of `lengths` is the length n.
 *
 *   rows   [ number of rows | last line   | -              | -            ]
 *          [ start of name  | end of name | start of value | end of value ]   without the spaces around the value
 */
export function readFields(from: i32, rows: i32, lengths: u32): i32 {
  let at = from;
  let last = from;
  let row = rows;
  while (true) {
    const colon = tokenEnd(at);
    if (colon == at || byte(colon) != COLON) break;
    let start = colon + 1;
    let end = valueEnd(start);
    const next = end + 2;
    if (byte(end) != CR || byte(end + 1) != LF) break;
    const length = colon - at;
    if (length <= LONGEST_NAME && (lengths >> u32(length)) & 1) {
      while (start < end && byte(start) == SP) start++;
      while (end > start && byte(end - 1) == SP) end--;
      row += ROW;
      store<i32>(row, at);
      store<i32>(row, colon, 4);
      store<i32>(row, start, 8);
      store<i32>(row, end, 12);
    }
    last = at;
    at = next;
  }
  store<i32>(rows, (row - rows) / ROW);
  store<i32>(rows, last, 4);
  return at;
}

function byte(at: i32): u32 {
  return load<u8>(at);
}

/** Index of the first byte that does not belong to a token (RFC 9110, 5.6.2). */
function tokenEnd(from: i32): i32 {
  // For each low half of a byte, the high halves with which it is a character of a token, as bits; and the bit of each.
  const byLow = i8x16(-24, -4, -8, -4, -4, -4, -4, -4, -8, -8, -12, 84, -48, 84, -12, 112);
  const ofHigh = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const low = i8x16.swizzle(byLow, v128.and(bytes, i8x16.splat(0x0f)));
    const high = i8x16.swizzle(ofHigh, i8x16.shr_u(bytes, 4));
    const others = i8x16.bitmask(i8x16.eq(v128.and(low, high), i8x16.splat(0)));
    if (others != 0) return at + ctz(others);
    at += 16;
  }
}

/** Index of the first control character; a tab is one. */
function valueEnd(from: i32): i32 {
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const controls = i8x16.eq(i8x16.min_u(bytes, i8x16.splat(0x1f)), bytes);
    const found = i8x16.bitmask(v128.or(controls, i8x16.eq(bytes, i8x16.splat(0x7f))));
    if (found != 0) return at + ctz(found);
    at += 16;
  }
}
