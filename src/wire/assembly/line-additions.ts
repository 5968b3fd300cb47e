/**
 * Adds members to the lines of a block: for each line, the values of some members select the texts that are added.
 *
 *   line     {"k":7,"origin":"SAT"}            kept text of "SAT"    ,"airport":{"city":"San Antonio"}
 *   output   {"k":7,"origin":"SAT","airport":{"city":"San Antonio"}}
 *
 * A line that needs more than that is unusual: it is left to the caller, who reads it in any other way.
 */
import { byte, CLOSE_OBJECT, OPEN_ARRAY, OPEN_OBJECT } from './json-values.ts';
import { isSame, ROW, scan } from './json-scan.ts';

const LF: i8 = 0x0a;
const CR: u32 = 0x0d;
/** Of `null`. */
const LOWER_N: u32 = 0x6e;

/**
 * The orders of the caller, and the results. Numbers of 4 bytes, 4 in a row. All but the first row are addresses or counts.
 *
 *   run     [ table    | slots     | steps       | policy of misses          ]   see `scan`, `find`
 *           [ at       | end       | output      | end of its memory         ]   lines are read from `at`, and written from `output`
 *           [ lines    | missed    | unusual end | unknown step              ]
 *           [ where the output is full | -       | -       | -               ]
 *   step    [ column   | key span  | place span  | misses                    ]   for each step
 *           [ text     | its bytes | -           | is a miss                 ]   of the line that is read
 */
const SLOTS: usize = 4;
const STEPS: usize = 8;
const POLICY: usize = 12;
const AT: usize = 16;
const END: usize = 20;
const OUTPUT: usize = 24;
const OUTPUT_END: usize = 28;
const LINES: usize = 32;
const MISSED: usize = 36;
const UNUSUAL_END: usize = 40;
const UNKNOWN_STEP: usize = 44;
const FULL_AT: usize = 48;
const FIRST_STEP: i32 = 64;
const STEP: i32 = 32;

const KEY_SPAN: usize = 4;
const PLACE_SPAN: usize = 8;
const MISSES: usize = 12;
const TEXT: usize = 16;
const TEXT_BYTES: usize = 20;
const IS_MISS: usize = 28;

/** What a miss adds to a line: its text, nothing; or the line is unusual. */
const MISS_IS_OMITTED: i32 = 1;
const MISS_IS_UNUSUAL: i32 = 2;

/** Why lines are no longer read. */
const ALL_READ: i32 = 0;
/** The output is as long as it should be, or has no room for another line. */
const OUTPUT_IS_FULL: i32 = 1;
/** The text of a key is not kept; `keep` keeps it. */
const TEXT_IS_UNKNOWN: i32 = 2;
/** The lines up to `unusual end` are unusual. */
const UNUSUAL: i32 = 3;
const USUAL: i32 = 4;

/** A longer key is not kept. */
const LONGEST_KEY: i32 = 1024;

/** Reads lines, which all end with LF, until one of the reasons stops it, and returns the reason. */
export function addToLines(run: i32): i32 {
  const end = load<i32>(run, END);
  const last = load<i32>(run, OUTPUT_END);
  const fullAt = load<i32>(run, FULL_AT);
  let at = load<i32>(run, AT);
  let output = load<i32>(run, OUTPUT);
  let reason = ALL_READ;
  let unusual = -1;
  while (at < end) {
    const feed = lineFeed(at);
    const lineEnd = feed - i32(feed > at && byte(feed - 1) == CR);
    const kind = textsOf(run, at, lineEnd);
    if (kind == UNUSUAL) {
      if (unusual < 0) unusual = at;
      at = feed + 1;
      continue;
    }
    if (unusual >= 0) break;
    if (kind == TEXT_IS_UNKNOWN) {
      reason = kind;
      break;
    }
    const next = write(run, at, lineEnd, output, last);
    if (next < 0) {
      reason = OUTPUT_IS_FULL;
      break;
    }
    output = next;
    at = feed + 1;
    if (output >= fullAt) {
      reason = OUTPUT_IS_FULL;
      break;
    }
  }
  store<i32>(run, output, OUTPUT);
  store<i32>(run, at, UNUSUAL_END);
  if (unusual >= 0) {
    store<i32>(run, unusual, AT);
    return UNUSUAL;
  }
  store<i32>(run, at, AT);
  return reason;
}

/** Index of the next LF. */
function lineFeed(from: i32): i32 {
  let at = from;
  while (true) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(LF)));
    if (found != 0) return at + ctz(found);
    at += 16;
  }
}

/** Finds the text of each step: USUAL, UNUSUAL or TEXT_IS_UNKNOWN. */
function textsOf(run: i32, line: i32, lineEnd: i32): i32 {
  if (lineEnd == line || byte(lineEnd - 1) != CLOSE_OBJECT || !scan(line, lineEnd, load<i32>(run))) return UNUSUAL;
  const slots = load<i32>(run, SLOTS);
  const policy = load<i32>(run, POLICY);
  const end = run + FIRST_STEP + STEP * load<i32>(run, STEPS);
  for (let step = run + FIRST_STEP; step < end; step += STEP) {
    if (load<i32>(load<i32>(step, PLACE_SPAN)) >= 0) return UNUSUAL;
    const span = load<i32>(step, KEY_SPAN);
    const start = load<i32>(span);
    const bytes = load<i32>(span, 4) - start;
    if (start < 0 || bytes > LONGEST_KEY) return UNUSUAL;
    const key = line + start;
    const first = byte(key);
    if (first == OPEN_OBJECT || first == OPEN_ARRAY || first == LOWER_N) return UNUSUAL;
    const entry = find(slots, load<i32>(step), key, bytes);
    if (entry == 0) {
      store<i32>(run, (step - run - FIRST_STEP) / STEP, UNKNOWN_STEP);
      return TEXT_IS_UNKNOWN;
    }
    const isMiss = load<i32>(entry, ENTRY_IS_MISS);
    if (isMiss != 0 && policy == MISS_IS_UNUSUAL) return UNUSUAL;
    store<i32>(step, textOf(entry, bytes), TEXT);
    store<i32>(step, isMiss != 0 && policy == MISS_IS_OMITTED ? 0 : load<i32>(entry, ENTRY_TEXT_BYTES), TEXT_BYTES);
    store<i32>(step, isMiss, IS_MISS);
  }
  return USUAL;
}

/** Writes and counts a line with its texts: the address behind it; -1 if it has no room. */
function write(run: i32, line: i32, lineEnd: i32, output: i32, last: i32): i32 {
  const end = run + FIRST_STEP + STEP * load<i32>(run, STEPS);
  const head = lineEnd - 1 - line;
  let bytes = head + 2;
  for (let step = run + FIRST_STEP; step < end; step += STEP) bytes += load<i32>(step, TEXT_BYTES);
  if (output + bytes > last) return -1;
  copy(output, line, head);
  let to = output + head;
  let missed = 0;
  for (let step = run + FIRST_STEP; step < end; step += STEP) {
    const textBytes = load<i32>(step, TEXT_BYTES);
    copy(to, load<i32>(step, TEXT), textBytes);
    to += textBytes;
    const isMiss = load<i32>(step, IS_MISS);
    store<i32>(step, load<i32>(step, MISSES) + isMiss, MISSES);
    missed |= isMiss;
  }
  store<i32>(run, load<i32>(run, LINES) + 1, LINES);
  store<i32>(run, load<i32>(run, MISSED) + missed, MISSED);
  // The closing brace and LF.
  store<u16>(to, 0x0a7d);
  return to + 2;
}

/** Copies up to 15 bytes more than it has to: what follows is written later, or is not used. */
function copy(to: i32, from: i32, bytes: i32): void {
  for (let at = 0; at < bytes; at += ROW) v128.store(to + at, v128.load(from + at));
}

/**
 * The texts by their keys, in steps or in versions of a step, which have a column each.
 *
 *   slots    [ - | entry | - | entry | entry | - … ]                   addresses, 0 is free
 *   entry    [ hash | column | bytes of the text | is a miss ][ bytes of the key | - ][ key, padded ][ text ]
 *
 * A key has one of `PROBES` slots from that of its hash on. If all are taken, it replaces the key in the first: whatever
 * keys a client sends, a search is short. No slot becomes free again.
 */
const SLOT_MASK: i32 = 128 * 1024 - 1;
const PROBES: i32 = 8;
const ENTRY_COLUMN: usize = 4;
const ENTRY_TEXT_BYTES: usize = 8;
const ENTRY_IS_MISS: usize = 12;
const ENTRY_KEY_BYTES: usize = 16;
const ENTRY_KEY: i32 = 2 * ROW;

/** Address of the entry of a key, or 0. */
function find(slots: i32, column: i32, key: i32, bytes: i32): i32 {
  const hash = hashOf(column, key, bytes);
  for (let probe = 0; probe < PROBES; probe++) {
    const entry = load<i32>(slotOf(slots, hash, probe));
    if (entry == 0) return 0;
    if (
      load<i32>(entry) == hash &&
      load<i32>(entry, ENTRY_COLUMN) == column &&
      load<i32>(entry, ENTRY_KEY_BYTES) == bytes &&
      isSame(entry + ENTRY_KEY, key, bytes)
    )
      return entry;
  }
  return 0;
}

function textOf(entry: i32, keyBytes: i32): i32 {
  return entry + ENTRY_KEY + padded(keyBytes);
}

function padded(bytes: i32): i32 {
  return (bytes + ROW - 1) & -ROW;
}

function slotOf(slots: i32, hash: i32, probe: i32): i32 {
  return slots + (((hash + probe) & SLOT_MASK) << 2);
}

/** Keeps the text of a key, which stands where `textOf` expects it, in the memory at `entry`. */
export function keep(slots: i32, entry: i32, column: i32, key: i32, bytes: i32, textBytes: i32, isMiss: i32): void {
  const hash = hashOf(column, key, bytes);
  store<i32>(entry, hash);
  store<i32>(entry, column, ENTRY_COLUMN);
  store<i32>(entry, textBytes, ENTRY_TEXT_BYTES);
  store<i32>(entry, isMiss, ENTRY_IS_MISS);
  store<i32>(entry, bytes, ENTRY_KEY_BYTES);
  copy(entry + ENTRY_KEY, key, bytes);
  let slot = slotOf(slots, hash, 0);
  for (let probe = 0; probe < PROBES; probe++) {
    const free = slotOf(slots, hash, probe);
    if (load<i32>(free) != 0) continue;
    slot = free;
    break;
  }
  store<i32>(slot, entry);
}

/** Mixes the bytes of a key, 16 together. */
function hashOf(column: i32, key: i32, bytes: i32): i32 {
  let hash = (u64(column) << 32) ^ u64(bytes);
  for (let at = 0; at < bytes; at += ROW) {
    const left = i8(min(bytes - at, ROW));
    const isOwn = i8x16.gt_s(i8x16.splat(left), i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const own = v128.and(v128.load(key + at), isOwn);
    hash = mixed(hash ^ u64(i64x2.extract_lane(own, 0)));
    hash = mixed(hash ^ u64(i64x2.extract_lane(own, 1)));
  }
  return i32(hash >> 32);
}

/** 2^64 divided by the golden ratio, odd. */
const MIX: u64 = (u64(0x9e3779b9) << 32) | 0x7f4a7c15;

function mixed(bits: u64): u64 {
  const product = bits * MIX;
  return product ^ (product >> 32);
}
