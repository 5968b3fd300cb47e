import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { HotAnswers } from '../../../src/connectors/table/hot-answers.ts';
import { hashOf, hashOfAscii } from '../../../src/connectors/table/rows/row-reader.ts';
import { CsvReader } from '../../../src/connectors/table/rows/csv-reader.ts';
import type { TableIndex } from '../../../src/connectors/table/table-index.ts';
import { buildIndex } from '../../../src/connectors/table/table-index-builder.ts';
import { NdjsonReader } from '../../../src/connectors/table/rows/ndjson-reader.ts';
import { Answer } from '../../../src/lookup/lookup.ts';

const csvIndex = (keys: readonly string[]): Promise<TableIndex> => {
  const bytes = Buffer.from(`id\n${keys.map((key) => `"${key.replaceAll('"', '""')}"\n`).join('')}`);
  return buildIndex(new CsvReader(bytes, { key: 'id', delimiter: ',' }), laterTurn);
};
const ndjsonIndex = (keys: readonly unknown[]): Promise<TableIndex> => {
  const bytes = Buffer.from(keys.map((id) => `${JSON.stringify({ id })}\n`).join(''));
  return buildIndex(new NdjsonReader(bytes, 'id'), laterTurn);
};

/** Two texts with one hash. */
function collision(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let number = 0; ; number++) {
    const text = `key ${number}`;
    const other = seen.get(hashOf(text));
    if (other !== undefined) return [other, text];
    seen.set(hashOf(text), text);
  }
}

const hashOfBytes = (text: string): number => hashOfAscii(Buffer.from(text), 0, Buffer.byteLength(text));

describe('the index of a table', () => {
  test('finds each of two keys with one hash', async () => {
    const [left, right] = collision();
    for (const keys of [
      [left, right],
      [right, 'between', left],
    ]) {
      const index = await csvIndex(keys);
      for (const key of keys) expect(index.find(key, false)?.json).toBe(JSON.stringify({ id: key }));
    }
    expect((await csvIndex([left])).find(right, false)).toBeUndefined();
  });

  test('of CSV and of NDJSON finds every key, and no other', async () => {
    const keys = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(keys, fc.string({ unit: 'binary' }), async (texts, other) => {
        const asked = [...texts, other];
        const expected = asked.map((id) => (texts.includes(id) ? JSON.stringify({ id }) : undefined));
        for (const index of [await csvIndex(texts), await ndjsonIndex(texts)]) {
          expect(index.size).toBe(texts.length);
          expect(asked.map((id) => index.find(id, false)?.json)).toEqual(expected);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('of NDJSON keeps numbers, booleans and texts that are spelled like them apart from the rest', async () => {
    const index = await ndjsonIndex([1, '2.0', true, '-', '-x', '0é', 'false']);
    const found = (key: string, numeric: boolean): string | undefined => index.find(key, numeric)?.json;
    expect(found('true', false)).toBe('{"id":true}');
    for (const id of ['2.0', '-', '-x', '0é', 'false']) expect(found(id, false)).toBe(JSON.stringify({ id }));
    await expect(ndjsonIndex([1, 2, '1'])).rejects.toThrow('line 3 has the key "1", which line 1 has already');
  });

  test('is made in pieces: of 64 KiB while the file is read, then of 2048 rows', async () => {
    const bytes = Buffer.from(`id,n\n${Array.from({ length: 20_000 }, (_, id) => `${id},a cell\n`).join('')}`);
    let turns = 0;
    const turn = async (): Promise<void> => void turns++;
    await buildIndex(new CsvReader(bytes, { key: 'id', delimiter: ',' }), turn);
    expect(turns).toBe(Math.floor(bytes.length / 65_536) + Math.floor(20_000 / 2048));
  });

  test('hashes ASCII bytes as their text, and no other bytes', () => {
    for (const text of ['', 'a', 'K0001', ' \0~\n']) expect(hashOfBytes(text)).toBe(hashOf(text));
    for (const text of ['é', 'a"b', 'abcé']) expect(hashOfBytes(text)).toBe(-1);
  });
});

describe('lines of NDJSON', () => {
  const text =
    '\n{"id":1}\r\n  \n{"\\u0069d":"x\\n"}\n \u00A0{"n":{"id":3},"id":"é"}\u00A0\n{"id":2,"id":2.50}\n{"id":true}';
  const rows = ['1', 'x\n', 'é', '2.50', 'true'];

  test('are the same rows in pieces of every size', () => {
    for (let pieceBytes = 1; pieceBytes <= Buffer.byteLength(text); pieceBytes++) {
      const reader = new NdjsonReader(Buffer.from(text), 'id');
      const found: [string, string, boolean][] = [];
      for (let limit = pieceBytes; !reader.done; limit += pieceBytes) {
        while (reader.next(limit)) found.push([reader.keyAt(reader.start).text, reader.place, reader.numeric]);
      }
      expect(found.map(([key]) => key)).toEqual(rows);
      expect(found.map(([, place]) => place)).toEqual(['line 2', 'line 4', 'line 5', 'line 6', 'line 7']);
      expect(found.map(([, , numeric]) => numeric)).toEqual([true, false, false, true, false]);
    }
  });

  test('are answers without the white space around them', async () => {
    const index = await buildIndex(new NdjsonReader(Buffer.from(text), 'id'), laterTurn);
    expect(rows.map((key) => index.find(key, false)?.json)).toEqual([
      '{"id":1}',
      '{"\\u0069d":"x\\n"}',
      '{"n":{"id":3},"id":"é"}',
      '{"id":2,"id":2.50}',
      '{"id":true}',
    ]);
  });

  test('may be longer than the memory of the scan', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(100_000), id: 'long' });
    const index = await buildIndex(new NdjsonReader(Buffer.from(`${long}\n{"id":"short"}`), 'id'), laterTurn);
    expect(index.find('long', false)?.json).toBe(long);
    expect(index.find('short', false)?.json).toBe('{"id":"short"}');
  });
});

const answersOf = (
  mostBytes: number,
  name = 'key',
): { hot: HotAnswers; find: (start: number) => Answer; made: () => number } => {
  const hot = new HotAnswers(mostBytes, (start) => `${name} ${start}`);
  let made = 0;
  const find = (start: number): Answer => {
    const kept = hot.get(`${name} ${start}`) ?? hot.again(start);
    if (kept !== undefined) return kept;
    made++;
    const answer = new Answer(`{"start":${start},"text":"${'x'.repeat(70)}"}`);
    hot.put(start, answer);
    return answer;
  };
  return { hot, find, made: () => made };
};
const inTurn = (rows: number, find: (start: number) => unknown): void => {
  for (let start = 0; start < rows; start++) find(start);
};

describe('answers that are kept', () => {
  test.each(['key', 'a key that is not short'])('are all of them if there is room: each is made once (%s)', (name) => {
    const { find, made } = answersOf(1024 * 1024, name);
    for (let round = 0; round < 3; round++) inTurn(1000, find);
    expect(made()).toBe(1000);
    expect(find(7)).toBe(find(7));
  });

  test('are no more than there is room for, however many rows are found', () => {
    const { hot, find } = answersOf(100 * 1024);
    inTurn(100_000, find);
    let kept = 0;
    inTurn(100_000, (start) => (kept += hot.get(`key ${start}`) === undefined ? 0 : 1));
    expect(kept).toBeGreaterThan(150);
    expect(kept).toBeLessThan(500);
  });

  test('are not found after they were dropped, also those with a short key that were found often', () => {
    const { hot, find } = answersOf(20 * 1024);
    inTurn(10, find);
    inTurn(10, (start) => expect(hot.get(`key ${start}`)).toBe(find(start)));
    for (let start = 100; start < 1000; start++) expect(find(start)).toBe(find(start));
    inTurn(10, (start) => expect(hot.get(`key ${start}`)).toBeUndefined());
  });

  test('are of the rows that are found again, though many others are found between', () => {
    const { find, made } = answersOf(100 * 1024);
    inTurn(5000, find);
    const often = [6000, 6001, 6002];
    for (const start of often) expect(find(start)).toBe(find(start));
    const before = made();
    for (let start = 10_000; start < 60_000; start++) find(start);
    expect(made()).toBe(before + 50_000);
    for (const start of often) find(start);
    expect(made()).toBe(before + 50_000);
  });
});
