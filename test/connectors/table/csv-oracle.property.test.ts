import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader } from '../../../src/connectors/table/rows/csv-reader.ts';

/** Rows as key and JSON, with the place; or the message of the error. */
type Outcome = readonly (readonly [key: string, json: string, place: string])[] | string;

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** The rows as csv-parse finds them, and the checks of a table in the order of the file. */
function expected(text: string, delimiter: string): Outcome {
  const rows: [string, string, string][] = [];
  let columns: readonly string[] | undefined;
  const take = ({ record, info }: Parsed): null => {
    if (columns === undefined) {
      const twice = record.find((name, place) => record.indexOf(name) !== place);
      if (twice === '') throw new Error('line 1: has two columns without a name');
      if (twice !== undefined) throw new Error(`line 1: has two columns "${twice}"`);
      if (!record.includes('id')) {
        throw new Error(`line 1: has no column "id", which is the key; it has ${record.join(', ')}`);
      }
      columns = record;
      return null;
    }
    const key = record[columns.indexOf('id')] ?? '';
    if (key === '') throw new Error(`line ${info.lines}: has no key: the column "id" is empty`);
    const members = columns.map((name, place) => `${JSON.stringify(name)}:${JSON.stringify(record[place])}`);
    rows.push([key, `{${members.join(',')}}`, `line ${info.lines}`]);
    return null;
  };
  try {
    const lineBreaks = ['\r\n', '\n', '\r'];
    const bytes = Buffer.from(text);
    const hooks = { on_record: take as never };
    parse(bytes, { info: true, skip_empty_lines: true, record_delimiter: lineBreaks, delimiter, ...hooks });
    if (columns === undefined) throw new Error('is empty: expected a header row');
    return rows;
  } catch (error) {
    if (error instanceof CsvError) return `line ${String(error['lines'])}: ${error.message}`;
    return error instanceof Error ? error.message : String(error);
  }
}

/** The rows as a table reads them, in pieces of so many bytes. */
function found(text: string, delimiter: string, pieceBytes: number): Outcome {
  const reader = new CsvReader(Buffer.from(text), { key: 'id', delimiter });
  const rows: [string, string, string][] = [];
  try {
    for (let limit = pieceBytes; ; limit += pieceBytes) {
      while (reader.next(limit)) {
        const { start, place } = reader;
        rows.push([reader.keyAt(start).text, reader.jsonAt(start), place]);
      }
      if (reader.done) return rows;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const delimiters = [',', ';', '\t', '|', '§', '\u{1F600}', '\0'];
const pieces = ['"', '""', ',', '§', '\n', '\r', '\r\n', 'a', 'id', ' ', 'é', '\u{1F600}', '\u{1F601}', '\uFEFF', '\0'];
const anyText = fc.array(fc.constantFrom(...pieces, ';', '\t'), { maxLength: 24 }).map((parts) => parts.join(''));
const lineBreak = fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n');

/** A text with rows of about the right form, so that most are read to their end. */
const rowsText = (delimiter: string): fc.Arbitrary<string> => {
  const plain = fc.constantFrom('', 'a', '7', 'x y', ' ', 'é', '\u{1F601}', '\0', '\uFEFF', '\\', 'a\tb');
  const quoted = fc.array(fc.constantFrom('a', '""', '\n', '\r\n', '\r', ',', ';', '§', 'é', '\\', '\u{1F600}'));
  const cell = fc.oneof(
    { weight: 4, arbitrary: plain },
    { weight: 3, arbitrary: quoted.map((parts) => `"${parts.join('')}"`) },
    { weight: 1, arbitrary: fc.constantFrom('"a"\0b', '""\0', 'a"b', '"a"b', '"', '\uFEFF""') },
  );
  const row = fc.oneof(
    { weight: 9, arbitrary: fc.array(cell, { minLength: 2, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(cell, { maxLength: 3 }) },
  );
  const header = fc.constantFrom(['id', 'n'], ['n', 'id'], ['"id"', '"n ""1"""'], ['', 'id'], ['id', 'id'], ['a', 'b']);
  return fc.tuple(header, fc.array(row, { maxLength: 6 }), lineBreak, fc.boolean()).map(([names, rows, end, last]) => {
    const lines = [names, ...rows].map((cells) => cells.join(delimiter));
    return lines.join(end) + (last ? end : '');
  });
};

const withDelimiter = (texts: (delimiter: string) => fc.Arbitrary<string>): fc.Arbitrary<readonly [string, string]> =>
  fc
    .constantFrom(...delimiters)
    .chain((delimiter) => texts(delimiter).map((text): readonly [string, string] => [text, delimiter]));

describe('the rows of a CSV file are those of csv-parse, with the same places and messages', () => {
  test.each([
    ['any text', withDelimiter(() => anyText)],
    ['any text behind a header', withDelimiter((delimiter) => anyText.map((text) => `id${delimiter}n\n${text}`))],
    ['rows', withDelimiter(rowsText)],
  ])('%s, in pieces of any size', (_, texts) => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), ([text, delimiter], pieceBytes) => {
        expect(found(text, delimiter, pieceBytes)).toEqual(expected(text, delimiter));
      }),
      { numRuns: 3000 },
    );
  });

  test('a file that has everything, in pieces of every size', () => {
    const text =
      '\r\n\nid,n\r\n1,"a ""b"",\r\nc"\r2,\n\n"3",é\r\n4,"\u{1F600}"\r\n"5\0",""\n6,"""\u{1F601}"""\r\n7,"x\r\n\ny"';
    const rows = expected(text, ',');
    expect(rows).toHaveLength(7);
    for (let pieceBytes = 1; pieceBytes <= Buffer.byteLength(text); pieceBytes++) {
      expect(found(text, ',', pieceBytes)).toEqual(rows);
    }
  });

  test.each([
    ['id,n\n1,a"b\n', 'line 2: Invalid Opening Quote: a quote is found on field 1 at line 2, value is "a"'],
    ['id,n\n\uFEFF"1",a\n', /^line 2: Invalid Opening Quote: .* value is "\uFEFF" \(utf8 bom\)$/],
    ['id,n\n1,"a"b\n', /^line 2: Invalid Closing Quote: got "b" at line 2 instead of delimiter/],
    ['id,n\n1,"a\r\n', 'line 3: Quote Not Closed: the parsing is finished with an opening quote at line 3'],
    ['id,n\n1,"a\n\n",2\n', 'line 4: Invalid Record Length: expect 2, got 3 on line 4'],
    ['\r\n\n', 'is empty: expected a header row'],
  ])('%j is refused with the message of csv-parse', (text, message) => {
    for (const pieceBytes of [1, 7, 100]) expect(found(text, ',', pieceBytes)).toMatch(message);
    expect(expected(text, ',')).toMatch(message);
  });
});
