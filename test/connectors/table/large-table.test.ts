import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../src/lookup/lookup.ts';
import { RawJson } from '../../../src/lookup/lookup.ts';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { readerOf } from '../../../src/connectors/table/rows/reader-of.ts';
import { openTable, type OpenTable } from '../reloaded.ts';

const count = 20_000;
const ids = Array.from({ length: count }, (_, id) => id);
const everySecond = { every: '1s' };
/** Bytes that are read in one turn of the event loop. */
const pieceBytes = 64 * 1024;

const line = (id: number, name: string): string => `${id},${name} of row ${id},"a ""quoted"", cell"\n`;
const csv = (name: string, ...last: readonly string[]): string =>
  `id,name,note\n${ids.map((id) => line(id, name)).join('')}${last.join('')}`;
const ndjson = (...last: readonly string[]): string =>
  ids.map((id) => `{"id":${id},"name":"row ${id}"}\n`).join('') + last.join('');

const open = (content: string, file = 'rows.csv'): Promise<OpenTable> => openTable(content, everySecond, { file });
const row = (id: number, name: string): string =>
  JSON.stringify({ id: String(id), name: `${name} of row ${id}`, note: 'a "quoted", cell' });
const json = (answer: Answer): string | undefined => answer.json;

describe('a table that is read in many pieces', () => {
  test('has every row, and no other', async () => {
    const table = await open(csv('old'));
    const wrong = ids.filter((id) => json(table.find(id)) !== row(id, 'old'));
    expect(wrong).toEqual([]);
    for (const id of [-1, count, '', '00', '1 ', 'é']) expect(json(table.find(id))).toBeUndefined();
    expect(table.heard.table().rows).toBe(count);
  });

  test('of NDJSON finds numbers by their value', async () => {
    const table = await open(ndjson('{"id":-1.50,"name":"ä"}\n'), 'rows.ndjson');
    const wrong = ids.filter((id) => json(table.find(id)) !== `{"id":${id},"name":"row ${id}"}`);
    expect(wrong).toEqual([]);
    expect(json(table.find(new RawJson('19999.0')))).toBe('{"id":19999,"name":"row 19999"}');
    expect(json(table.find(new RawJson('-15e-1')))).toBe('{"id":-1.50,"name":"ä"}');
    expect(table.find(new RawJson('-15e-1'))).toBe(table.find('-1.50'));
  });

  const twice = `line ${count + 2} has the key "7", which line 9 has already`;
  test.each([
    ['rows.csv', csv('a', '7,again,\n'), twice],
    ['rows.csv', csv('a', '"7",again,\n'), twice],
    ['rows.csv', csv('a', 'x,\n'), `line ${count + 2}: Invalid Record Length: expect 3, got 2 on line ${count + 2}`],
    ['rows.csv', csv('a', ',,\n'), `line ${count + 2}: has no key: the column "id" is empty`],
    ['rows.ndjson', ndjson('{"id":7}'), `line ${count + 1} has the key "7", which line 8 has already`],
    [
      'rows.ndjson',
      ndjson('\n', '{"id":7.0}'),
      `line ${count + 2} has the key "7.0", which is the same number as "7" of line 8`,
    ],
    ['rows.ndjson', ndjson('{"id":null}'), `line ${count + 1}: the key "id" is null`],
    ['rows.ndjson', ndjson('{"ID":7}'), `line ${count + 1}: has no member "id", which is the key; it has ID`],
  ])('%s is refused with the place of its mistake', async (file, content, message) => {
    await expect(open(content, file)).rejects.toThrow(message);
  });
});

describe('a table that is read again in many pieces', () => {
  test('answers between the pieces, from the old rows, and then from the new ones', async () => {
    const table = await open(csv('old'));
    const next = csv('new', `${count},new of row ${count},\n`);
    await table.replace(next);
    await table.clock.advance(1000);
    let answered = 0;
    let id = 0;
    while (table.clock.timers === 0) {
      const answer = json(table.find(id));
      if (answer === row(id, 'new')) break;
      expect(answer).toBe(row(id, 'old'));
      expect(json(table.find(count))).toBeUndefined();
      answered++;
      id = (id + 997) % count;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answered).toBeGreaterThanOrEqual(Buffer.byteLength(next) / pieceBytes);
    expect(json(table.find(id))).toBe(row(id, 'new'));
    expect(json(table.find(count))).toContain('"new of row');
  });

  test('keeps its old rows if a row of the last piece is wrong', async () => {
    const table = await open(csv('old'));
    await table.replace(csv('new', '"'));
    await table.beat(1000);
    expect(table.said).toEqual([expect.stringContaining(`line ${count + 2}: Quote Not Closed`)]);
    expect(json(table.find(count - 1))).toBe(row(count - 1, 'old'));
  });

  test('can be closed between the pieces', async () => {
    const table = await open(csv('old'));
    await table.clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
    await table.connector.close();
    expect(table.clock.timers).toBe(0);
    expect(table.said).toEqual([]);
  });
});

const read = (file: Buffer): Promise<unknown> =>
  readerOf(file, { name: 'rows.csv', key: 'id', delimiter: ',' }, laterTurn);

describe('a file', () => {
  test('is UTF-8 wherever the pieces that are checked end', async () => {
    // The pieces have 4 MiB: their end is at each of the bytes of a character.
    for (let shift = 0; shift < 5; shift++) {
      const file = Buffer.from(`${'x'.repeat(4 * 1024 * 1024 - shift)}\u{1F600}é`);
      await expect(read(file)).resolves.toBeDefined();
      await expect(read(file.subarray(0, -1))).rejects.toThrow('is not UTF-8');
      file[4 * 1024 * 1024] = 0xff;
      await expect(read(file)).rejects.toThrow('is not UTF-8');
    }
  });
});
