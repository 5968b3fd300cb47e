/** The key of a row. */
export interface Key {
  /** The text; the spelling of a number. */
  readonly text: string;
  /** Whether the key is a JSON number. */
  readonly numeric: boolean;
}

/**
 * Reads the rows of a file, which stays in memory as bytes. A row is named by its start, the offset of its first byte.
 *
 *     const reader: RowReader = new CsvReader(bytes, { key: 'id', delimiter: ',' });
 *     for (let limit = slice; !reader.done; limit += slice) {
 *       while (reader.next(limit)) starts.push(reader.start);
 *       await laterTurn();
 *     }
 *     reader.jsonAt(starts[0]);   // {"id":"1","name":"a"}
 */
export interface RowReader {
  /**
   * Reads the next row. Returns false if there is none, and if `limit`, an offset, was reached before the end of the row: a
   * call with a larger limit continues there. Throws Error that names the place and what is wrong.
   */
  next(limit: number): boolean;
  /** Whether all rows are read. */
  readonly done: boolean;
  /** Where the last row starts. */
  readonly start: number;
  /** `hashOf` the key of the last row. */
  readonly hash: number;
  /** Whether the key of the last row is a JSON number. */
  readonly numeric: boolean;
  /** Whether the key of the last row is a number, or text that spells one, but not canonically: `1.10`. */
  readonly oddNumber: boolean;
  /** The place of the last row, for messages: `line 2`. */
  readonly place: string;
  /** Begins again at the first row. */
  rewind(): void;
  /** The key of the row that starts there. */
  keyAt(start: number): Key;
  /** The row that starts there, as JSON on one line. */
  jsonAt(start: number): string;
  /** Frees the bytes of the file. The reader must not be used any more. */
  free(): void;
}

const QUOTE = 0x22;
const firstBeyondAscii = 0x80;
/** FNV-1a; its last bits depend on few of the text, so the hash is mixed by the end of MurmurHash3. */
const basis = 0x811c9dc5 | 0;
const prime = 0x01000193;

/** A hash of 31 bits. */
export function hashOf(text: string): number {
  let hash = basis;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), prime);
  return mixed(hash);
}

/** `hashOf` the text of these bytes, made without the text. -1 if a byte is a quote or is not ASCII. */
export function hashOfAscii(bytes: Uint8Array, start: number, end: number): number {
  let hash = basis;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= firstBeyondAscii || byte === QUOTE) return -1;
    hash = Math.imul(hash ^ byte, prime);
  }
  return mixed(hash);
}

function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) & 0x7fffffff;
}
