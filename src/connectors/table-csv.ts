import { CsvError, parse } from 'csv-parse/sync';
import type { Row } from './table-row.ts';

interface Line {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** Rows of a CSV file (RFC 4180) as objects of strings. Throws Error that names the line. */
export function csvRows(text: string, key: string): Row[] {
  const [header, ...lines] = csvLines(text);
  if (header === undefined) throw new Error('is empty: expected a header row');
  const columns = header.record;
  const twice = columns.find((column, place) => columns.indexOf(column) !== place);
  if (twice !== undefined) throw new Error(`line 1: has two columns "${twice}"`);
  const keyColumn = columns.indexOf(key);
  if (keyColumn < 0) throw new Error(`line 1: has no column "${key}", which is the key; it has ${columns.join(', ')}`);
  const names = columns.map((column, place) => `${place === 0 ? '{' : ','}${JSON.stringify(column)}:`);
  return lines.map(({ record, info }) => ({
    key: record[keyColumn] ?? '',
    json: `${names.map((name, place) => name + JSON.stringify(record[place])).join('')}}`,
    place: `line ${info.lines}`,
  }));
}

function csvLines(text: string): readonly Line[] {
  try {
    return parse(text, { info: true, skip_empty_lines: true }) as unknown as readonly Line[];
  } catch (error) {
    if (error instanceof CsvError)
      throw new Error(`line ${String(error['lines'])}: ${error.message}`, { cause: error });
    throw error;
  }
}
