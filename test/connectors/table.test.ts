import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../src/core/call-context.ts';
import { table } from '../../src/connectors/table.ts';
import { tableOptions } from '../../src/connectors/table-options.ts';
import { RawJson, type Answer, type Argument } from '../../src/lookup/lookup.ts';
import { runtimeFor } from './far-end.ts';

async function open(file: string, content: string | Buffer, key = 'id'): Promise<(value: Argument) => Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, file), content);
  const connector = table.create({ file, key }, runtimeFor(undefined, folder));
  await connector.open();
  return (value) => {
    const answer = connector.call({ [key]: value }, new Cancellation());
    if (answer instanceof Promise) throw new Error('a table answers at once');
    return answer;
  };
}

describe('a table', () => {
  test('of CSV holds strings, quotes and line breaks included', async () => {
    const find = await open('t.csv', '\uFEFFid,name\r\n1,"a ""b"",\nc"\r\n\r\n2,\r\n');
    expect(find('1').json).toBe('{"id":"1","name":"a \\"b\\",\\nc"}');
    expect(find(2).json).toBe('{"id":"2","name":""}');
  });

  test('of JSON and NDJSON keeps the bytes of a row, but for line breaks', async () => {
    const row = '{"id":1, "x":1.0,"y":12345678901234567890,"z":"\\u0061"}';
    expect((await open('t.ndjson', `\n${row}\r\n`))(1).json).toBe(row);
    expect((await open('t.json', `[ ${row.replace(', ', ',\n ')} ]`))(1).json).toBe(row);
  });

  test('of a JSON object finds the members by name, whatever they are', async () => {
    const find = await open('t.json', '{"a:{": {"x": 1.0}, "b\\"": [1,\n2], "\\u0063": "t", "d": null}');
    expect(find('a:{').json).toBe('{"x": 1.0}');
    expect(find('b"').json).toBe('[1,2]');
    expect(find('c').json).toBe('"t"');
    expect(find('d').json).toBe('null');
    expect(find('e').json).toBeUndefined();
  });

  test('finds a number that JavaScript can not hold by its spelling', async () => {
    const find = await open('t.ndjson', '{"id":12345678901234567890}\n{"id":12345678901234567891}\n');
    expect(find(new RawJson('12345678901234567891')).json).toBe('{"id":12345678901234567891}');
  });

  test('gives the same answer object each time', async () => {
    const find = await open('t.ndjson', '{"id":1}');
    expect(find(1)).toBe(find('1'));
  });

  test('that is empty answers every key with a miss', async () => {
    for (const [file, content] of [
      ['t.json', '[]'],
      ['t.json', '{}'],
      ['t.ndjson', ''],
      ['t.csv', 'id,x\n'],
    ] as const) {
      expect((await open(file, content))('1').json).toBeUndefined();
    }
  });

  test.each([
    ['t.csv', 'id,x\n1,a\n2,b\n1,c\n', /t\.csv: line 4 has the key "1", which line 2 has already/],
    ['t.csv', 'id,x\n1,a,b\n', /line 2/],
    ['t.csv', 'iata,x\n1,a\n', /line 1: has no column "id".*iata, x/],
    ['t.csv', 'id,id\n1,a\n', /two columns "id"/],
    ['t.csv', '', /is empty/],
    ['t.ndjson', '{"id":1}\n{"id":\n', /line 2 is not JSON/],
    ['t.ndjson', '{"id":1}\n[1]\n', /line 2: expected an object/],
    ['t.ndjson', '{"x":1}\n', /line 1: has no member "id".*it has x/],
    ['t.ndjson', '{"id":{}}\n', /line 1: the key "id"/],
    ['t.ndjson', '{"id":1}\n{"id":"1"}\n', /line 2 has the key "1", which line 1 has already/],
    ['t.json', '[{"id":1},{"id":1}]', /element 2 has the key "1", which element 1 has already/],
    ['t.json', '{"a":1,"a":2}', /two rows with the key "a"/],
    ['t.json', '3', /neither an array of objects nor an object/],
    ['t.json', Buffer.from('["é"]', 'latin1'), /not UTF-8/],
  ])('of %s with %j is refused when it is opened, with the place', async (file, content, message) => {
    await expect(open(file, content)).rejects.toThrow(message);
    await expect(open(file, content)).rejects.toThrow(/lookup "airport"/);
  });

  test('whose file is not there is refused when it is opened', async () => {
    const connector = table.create({ file: 'none.csv', key: 'id' }, runtimeFor());
    await expect(connector.open()).rejects.toThrow(/lookup "airport": table none\.csv: ENOENT/);
  });

  test('is of a kind that is known', () => {
    expect(tableOptions.safeParse({ file: 'a.xlsx', key: 'id' }).error?.issues).toMatchObject([
      { path: ['file'], message: expect.stringContaining('.csv') },
    ]);
  });
});
