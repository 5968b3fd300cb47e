import { freeMemory } from '../../../core/free-memory.ts';
import { CsvScan } from './csv-scan.ts';
import { hashOf, hashOfAscii, type Key, type RowReader } from './row-reader.ts';

export interface CsvFormat {
  readonly key: string;
  /** One character. */
  readonly delimiter: string;
}

const QUOTE = 0x22;

/** The columns by the names in the header. */
interface Header {
  /** Before the value of each column in JSON: `{"id":`, then `,"name":`. */
  readonly names: readonly string[];
  readonly keyColumn: number;
}

/** Rows of a CSV file, as objects of strings. */
export class CsvReader implements RowReader {
  hash = 0;
  readonly numeric = false;
  readonly oddNumber = false;
  readonly #bytes: Buffer;
  readonly #key: string;
  /** Reads the file from row to row. */
  readonly #scan: CsvScan;
  /** Reads single rows. */
  readonly #row: CsvScan;
  #header: Header | undefined;

  constructor(bytes: Buffer, { key, delimiter }: CsvFormat) {
    this.#bytes = bytes;
    this.#key = key;
    this.#scan = new CsvScan(bytes, delimiter);
    this.#row = new CsvScan(bytes, delimiter);
  }

  get done(): boolean {
    return this.#scan.done;
  }

  get start(): number {
    return this.#scan.start;
  }

  get place(): string {
    return `line ${this.#scan.line}`;
  }

  next(limit: number): boolean {
    const scan = this.#scan;
    this.#header ??= this.#readHeader(limit);
    if (this.#header === undefined || !scan.next(limit)) return false;
    const { keyColumn } = this.#header;
    const start = scan.bounds[2 * keyColumn] as number;
    const end = scan.bounds[2 * keyColumn + 1] as number;
    const quotes = this.#bytes[start] === QUOTE ? 1 : 0;
    if (end - start === 2 * quotes) throw new Error(`${this.place}: has no key: the column "${this.#key}" is empty`);
    const hash = hashOfAscii(this.#bytes, start + quotes, end - quotes);
    this.hash = hash < 0 ? hashOf(scan.text(keyColumn)) : hash;
    return true;
  }

  rewind(): void {
    this.#scan.seek(0);
    this.#header = undefined;
  }

  keyAt(start: number): Key {
    return { text: this.#read(start).text(this.#header?.keyColumn ?? 0), numeric: false };
  }

  free(): void {
    freeMemory(this.#bytes);
  }

  jsonAt(start: number): string {
    const names = this.#header?.names ?? [];
    const parts = this.#read(start)
      .texts()
      .map((text, column) => names[column] + JSON.stringify(text));
    parts.push('}');
    return parts.join('');
  }

  /** The cells of a row. */
  #read(start: number): CsvScan {
    const row = this.#row;
    // A lookup reads one row twice: its key, then all of it.
    if (row.start === start) return row;
    row.seek(start);
    row.next(this.#bytes.length);
    return row;
  }

  /** Undefined if the header does not end before `limit`. */
  #readHeader(limit: number): Header | undefined {
    const scan = this.#scan;
    if (!scan.next(limit)) {
      if (scan.done) throw new Error('is empty: expected a header row');
      return undefined;
    }
    const columns = scan.texts();
    const twice = columns.find((column, place) => columns.indexOf(column) !== place);
    if (twice === '') throw new Error('line 1: has two columns without a name');
    if (twice !== undefined) throw new Error(`line 1: has two columns "${twice}"`);
    const keyColumn = columns.indexOf(this.#key);
    if (keyColumn < 0) {
      throw new Error(`line 1: has no column "${this.#key}", which is the key; it has ${columns.join(', ')}`);
    }
    return { names: columns.map((column, place) => `${place === 0 ? '{' : ','}${JSON.stringify(column)}:`), keyColumn };
  }
}

/** Every row of a CSV file, as its key and as JSON. */
export function* csvRows(bytes: Buffer, format: CsvFormat): Generator<{ readonly key: string; readonly json: string }> {
  const reader = new CsvReader(bytes, format);
  while (reader.next(bytes.length)) yield { key: reader.keyAt(reader.start).text, json: reader.jsonAt(reader.start) };
}
