import { isUtf8 } from 'node:buffer';
import type { RowReader } from './row-reader.ts';
import { CsvReader } from './csv-reader.ts';
import { jsonReader } from './json-reader.ts';
import { NdjsonReader } from './ndjson-reader.ts';

/** How a file is read. */
export interface TableFormat {
  /** The file's name: `.json` is JSON, any other name NDJSON. */
  readonly name: string;
  readonly key: string;
  /** The character between the cells of a CSV file; undefined for JSON and NDJSON. */
  readonly delimiter: string | undefined;
}

const byteOrderMark = Buffer.from('\uFEFF');
/** Bytes of which one turn checks that they are UTF-8: some milliseconds. */
const checkedBytes = 4 * 1024 * 1024;

/**
 * The reader of a file's rows. `turn` resolves in a later turn of the event loop. Rejects with an Error that says what is
 * wrong if the file is not UTF-8, or is JSON and cannot be read: JSON is parsed as a whole, before the first row.
 */
export async function readerOf(file: Buffer, format: TableFormat, turn: () => Promise<void>): Promise<RowReader> {
  const { name, key, delimiter } = format;
  for (let from = 0, end: number; from < file.length; from = end) {
    end = startOfCharacter(file, from + checkedBytes);
    if (!isUtf8(file.subarray(from, end))) throw new Error('is not UTF-8');
    if (end < file.length) await turn();
  }
  const marked = file.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const bytes = marked ? file.subarray(byteOrderMark.length) : file;
  if (delimiter !== undefined) return new CsvReader(bytes, { key, delimiter });
  return name.toLowerCase().endsWith('.json') ? jsonReader(bytes.toString(), key) : new NdjsonReader(bytes, key);
}

/** The offset, or up to three less, so that no character of valid UTF-8 is cut there. */
function startOfCharacter(bytes: Buffer, offset: number): number {
  let at = Math.min(offset, bytes.length);
  while (offset - at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return at;
}
