import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { Row } from './table-index.ts';

interface Line {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

export interface CsvFormat {
  readonly key: string;
  /** One character. */
  readonly delimiter: string;
}

/**
 * Any line break outside quotes ends a row, also in a file that mixes them. By default the parser would expect the first
 * line break everywhere, and leave a CR in the last cell of other rows.
 */
const options = { info: true, skip_empty_lines: true, record_delimiter: ['\r\n', '\n', '\r'] };
const sliceBytes = 64 * 1024;

/**
 * Rows of a CSV file (RFC 4180) as objects of strings, one after the other. The file is parsed in pieces, as the caller
 * takes rows. Throws Error that names the line.
 */
export async function* csvRowByRow(bytes: Buffer, { key, delimiter }: CsvFormat): AsyncGenerator<Row> {
  let rowOf: ((line: Line) => Row) | undefined;
  for await (const line of linesOf(bytes, delimiter)) {
    if (rowOf === undefined) rowOf = rowReader(line, key);
    else yield rowOf(line);
  }
  if (rowOf === undefined) rowReader(undefined, key);
}

async function* linesOf(bytes: Buffer, delimiter: string): AsyncGenerator<Line> {
  const parser = Readable.from(slicesOf(bytes), { objectMode: false }).pipe(parse({ ...options, delimiter }));
  try {
    for await (const line of parser) yield line as Line;
  } catch (error) {
    throw placed(error);
  }
}

function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
}

function placed(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  return new Error(`line ${String(error['lines'])}: ${error.message}`, { cause: error });
}

/** Makes rows of lines by the names in the header. */
function rowReader(header: Line | undefined, key: string): (line: Line) => Row {
  if (header === undefined) throw new Error('is empty: expected a header row');
  const columns = header.record;
  const twice = columns.find((column, place) => columns.indexOf(column) !== place);
  if (twice === '') throw new Error('line 1: has two columns without a name');
  if (twice !== undefined) throw new Error(`line 1: has two columns "${twice}"`);
  const keyColumn = columns.indexOf(key);
  if (keyColumn < 0) throw new Error(`line 1: has no column "${key}", which is the key; it has ${columns.join(', ')}`);
  const names = columns.map((column, place) => `${place === 0 ? '{' : ','}${JSON.stringify(column)}:`);
  return ({ record, info }) => {
    const cell = record[keyColumn] ?? '';
    if (cell === '') throw new Error(`line ${info.lines}: has no key: the column "${key}" is empty`);
    return {
      key: cell,
      numeric: false,
      json: `${names.map((name, place) => name + JSON.stringify(record[place])).join('')}}`,
      place: `line ${info.lines}`,
    };
  };
}
