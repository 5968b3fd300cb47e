import { ENTRIES, entriesBytes, keep, memoryBytes, SLOTS, slotsBytes } from './json-memory.ts';

/**
 * Keeps texts by their keys in the memory of the scan, for `LineAdder`: up to 16 MiB for the whole process. A key belongs
 * to a column; an owner whose texts change takes a new column.
 *
 *     entries   [ key, text | key, text | key, text | free ... ]
 *                                                    ^ top
 *
 * When the memory is full, all texts are dropped. It is full after some 90,000 texts of 100 bytes; those that are still
 * needed are soon there again.
 */
const ROW = 16;
const headBytes = 2 * ROW;
/** A longer text is not kept. */
const longestText = 16 * 1024;
const bytesPerChar = 3;

let columns = 0;
let top = ENTRIES;

/** A column that has no text yet. */
export function newColumn(): number {
  columns += 1;
  return columns;
}

/**
 * Keeps a text for the key whose bytes stand at `address`. `isMiss` is counted when the text is used. False if the text is
 * too long.
 */
export function keepText(column: number, address: number, keyBytes: number, text: string, isMiss: boolean): boolean {
  if (text.length > longestText) return false;
  const keyEnd = headBytes + padded(keyBytes);
  if (top + keyEnd + bytesPerChar * text.length > ENTRIES + entriesBytes) {
    memoryBytes.fill(0, SLOTS, SLOTS + slotsBytes);
    top = ENTRIES;
  }
  const textBytes = memoryBytes.write(text, top + keyEnd);
  keep(SLOTS, top, column, address, keyBytes, textBytes, isMiss ? 1 : 0);
  top += keyEnd + padded(textBytes);
  return true;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ROW) * ROW;
}
