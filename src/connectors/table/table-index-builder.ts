import { canonicalNumber, isJsonNumber } from '../../core/json/json-number.ts';
import { freeMemory } from '../../core/free-memory.ts';
import { KeyIndex, type Rows } from './key-index.ts';
import type { Key, RowReader } from './rows/row-reader.ts';
import { TableIndex } from './table-index.ts';

/** Bytes that one turn of the event loop reads, and rows that one turn inserts: about a millisecond. */
const bytesPerTurn = 64 * 1024;
const rowsPerTurn = 2048;

type Turn = () => Promise<void>;

/**
 * Reads all rows, and finds their keys. `turn` resolves in a later turn of the event loop: lookups go on between the
 * pieces.
 *
 * Rejects with an Error that names the place if a row cannot be read, and if another row has its key already: only their
 * owner knows which one is right. A text that spells the same number as a numeric key is refused as well: a number in a
 * record could mean either row.
 */
export async function buildIndex(reader: RowReader, turn: Turn): Promise<TableIndex> {
  const rows = await readRows(reader, turn);
  const keys = new KeyIndex(reader, rows);
  const numbers = new EqualNumbers(reader, keys);
  // Two keys are the same number only if one is numeric, and one is not canonical.
  const checksNumbers = rows.numeric && rows.odd;
  for (let row = 0; row < keys.size; row++) {
    if (row > 0 && row % rowsPerTurn === 0) await turn();
    const start = keys.startOf(row);
    let other = keys.insert(row);
    if (other < 0 && checksNumbers) other = numbers.add(reader.keyAt(start), start);
    if (other >= 0) throw await twice(reader, { start, other }, turn);
  }
  return new TableIndex(reader, keys, { numeric: rows.numeric, values: numbers.values });
}

interface FileRows extends Rows {
  /** Whether any key is a number. */
  readonly numeric: boolean;
  /** Whether any key is a number that is not spelled canonically, or a text that spells such a number. */
  readonly odd: boolean;
}

async function readRows(reader: RowReader, turn: Turn): Promise<FileRows> {
  let starts = new Uint32Array(256);
  let hashes = new Int32Array(256);
  let size = 0;
  let numeric = false;
  let odd = false;
  for (let limit = bytesPerTurn; ; limit += bytesPerTurn) {
    while (reader.next(limit)) {
      if (size === starts.length) {
        starts = grown(starts, new Uint32Array(2 * size));
        hashes = grown(hashes, new Int32Array(2 * size));
      }
      starts[size] = reader.start;
      hashes[size] = reader.hash;
      size++;
      numeric ||= reader.numeric;
      odd ||= reader.oddNumber;
    }
    if (reader.done) return { starts, hashes, size, numeric, odd };
    await turn();
  }
}

function grown<Numbers extends Uint32Array | Int32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  freeMemory(from);
  return to;
}

/** Finds two keys that are the same number, spelled differently. */
class EqualNumbers {
  readonly #reader: RowReader;
  readonly #keys: KeyIndex;
  /** Numeric keys that are not spelled canonically, by their value. */
  readonly values = new Map<string, number>();
  /** Texts that spell a number, but not canonically, by its value. Several of them may have one value. */
  readonly #texts = new Map<string, number>();

  constructor(reader: RowReader, keys: KeyIndex) {
    this.#reader = reader;
    this.#keys = keys;
  }

  /** Where an earlier row starts that a number of this value finds; -1 if there is none. Two texts are two keys: `1.0` and `1.00`. */
  add({ text, numeric }: Key, start: number): number {
    if (!numeric && !isJsonNumber(text)) return -1;
    const value = canonicalNumber(text);
    const canonical = value === text ? -1 : this.#keys.find(value);
    if (canonical >= 0 && (numeric || this.#reader.keyAt(canonical).numeric)) return canonical;
    const other = this.values.get(value) ?? (numeric ? this.#texts.get(value) : undefined);
    if (other !== undefined) return other;
    if (value !== text) (numeric ? this.values : this.#texts).set(value, start);
    return -1;
  }
}

async function twice(
  reader: RowReader,
  row: { readonly start: number; readonly other: number },
  turn: Turn,
): Promise<Error> {
  const key = reader.keyAt(row.start).text;
  const otherKey = reader.keyAt(row.other).text;
  const there = await placeOf(reader, row.other, turn);
  const has = `${await placeOf(reader, row.start, turn)} has the key ${JSON.stringify(key)}`;
  if (key === otherKey) return new Error(`${has}, which ${there} has already`);
  return new Error(`${has}, which is the same number as ${JSON.stringify(otherKey)} of ${there}`);
}

/** The place of the row that starts there. Places are not kept: the file is read again up to the row. */
async function placeOf(reader: RowReader, start: number, turn: Turn): Promise<string> {
  reader.rewind();
  for (let limit = bytesPerTurn; ; limit += bytesPerTurn) {
    while (reader.next(limit)) if (reader.start === start) return reader.place;
    await turn();
  }
}
