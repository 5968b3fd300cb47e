import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { table } from '../../../src/connectors/table/table.ts';
import { tableOptions } from '../../../src/connectors/table/table-options.ts';
import { RawJson, type Answer, type Argument } from '../../../src/lookup/lookup.ts';
import { Heard, runtimeFor } from '../http/far-end.ts';

type Find = (value: Argument) => Answer;

async function open(file: string, content: string | Buffer, more: object = {}): Promise<Find> {
  const key = 'id';
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, file), content);
  const connector = table.create(tableOptions.parse({ file, key, ...more }), runtimeFor(undefined, folder));
  await connector.open();
  return (value) => {
    const answer = connector.call({ [key]: value }, new Cancellation());
    if (answer instanceof Promise) throw new Error('a table answers at once');
    return answer;
  };
}

describe('a table', () => {
  test('of CSV has strings, quotes and line breaks included', async () => {
    const find = await open('t.csv', '\uFEFFid,name\r\n1,"a ""b"",\nc"\r\n\r\n2,\r\n');
    expect(find('1').json).toBe('{"id":"1","name":"a \\"b\\",\\nc"}');
    expect(find(2).json).toBe('{"id":"2","name":""}');
  });

  test('of JSON and NDJSON keeps the bytes of a row, except line breaks', async () => {
    const row = '{"id":1, "x":1.0,"y":12345678901234567890,"z":"\\u0061"}';
    expect((await open('t.ndjson', `\n${row}\r\n`))(1).json).toBe(row);
    expect((await open('t.json', `[ ${row.replace(', ', ',\n ')} ]`))(1).json).toBe(row);
  });

  test('of a JSON object finds the members by name, with any value', async () => {
    const find = await open('t.json', '{"a:{": {"x": 1.0}, "b\\"": [1,\n2], "\\u0063": "t", "d": null}');
    expect(find('a:{').json).toBe('{"x": 1.0}');
    expect(find('b"').json).toBe('[1,2]');
    expect(find('c').json).toBe('"t"');
    expect(find('d').json).toBe('null');
    expect(find('e').json).toBeUndefined();
  });

  test('finds a number that JavaScript cannot hold by its spelling', async () => {
    const find = await open('t.ndjson', '{"id":12345678901234567890}\n{"id":12345678901234567891}\n');
    expect(find(new RawJson('12345678901234567891')).json).toBe('{"id":12345678901234567891}');
  });

  test('returns the same answer object each time', async () => {
    const find = await open('t.ndjson', '{"id":1}');
    expect(find(1)).toBe(find('1'));
  });

  test('counts each request of a batch', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 't.ndjson'), '{"id":1}');
    const heard = new Heard();
    const connector = table.create(tableOptions.parse({ file: 't.ndjson', key: 'id' }), runtimeFor(heard, folder));
    await connector.open();
    await connector.callMany?.([{ id: 1 }, { id: 2 }], new Cancellation());
    expect(heard.outcomes).toEqual(['ok', 'miss']);
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
    ['t.csv', 'id,,x,\n1,a,b,c\n', /line 1: has two columns without a name/],
    ['t.csv', 'id,x\n1\n', /line 2/],
    ['t.csv', 'id,x\n1,a\n,\n', /line 3: has no key: the column "id" is empty/],
    ['t.csv', 'x,id\r\na,""\r\n', /line 2: has no key/],
    ['t.csv', 'id,x\r1,a\r\n1,b\n', /line 3 has the key "1", which line 2 has already/],
    ['t.csv', 'id,x\n1,"a\n', /line 2: .*quote/i],
    ['t.ndjson', '{"id":null}\n', /line 1: the key "id" is null/],
    ['t.ndjson', '{"id":[1]}\n', /line 1: the key "id" is not a string, a number or a boolean/],
    ['t.ndjson', '{"id":1.0}\n{"id":1}\n', /line 2 has the key "1", which is the same number as "1.0" of line 1/],
    ['t.ndjson', '{"id":1}\n{"id":10e-1}\n', /line 2 has the key "10e-1", which is the same number as "1" of line 1/],
    ['t.ndjson', '{"id":1.10}\n{"id":1.100}\n', /line 2 has the key "1.100", which is the same number as "1.10"/],
    ['t.ndjson', '{"id":0}\n{"id":-0}\n', /line 2 has the key "-0", which is the same number as "0"/],
    ['t.ndjson', '{"id":"1.10"}\n{"id":1.1}\n', /line 2 has the key "1.1", which is the same number as "1.10"/],
    ['t.ndjson', '{"id":"1"}\n{"id":1.0}\n', /line 2 has the key "1.0", which is the same number as "1"/],
    ['t.ndjson', '{"id":1.10}\n{"id":"1.1"}\n', /line 2 has the key "1.1", which is the same number as "1.10"/],
    ['t.ndjson', '{"id":11}\n{"id":"1.1e1"}\n', /line 2 has the key "1.1e1", which is the same number as "11"/],
    ['t.json', '[{"id":true},{"id":"true"}]', /element 2 has the key "true", which element 1 has already/],
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

  test('whose file does not exist is refused when it is opened', async () => {
    const connector = table.create(tableOptions.parse({ file: 'none.csv', key: 'id' }), runtimeFor());
    await expect(connector.open()).rejects.toThrow(/lookup "airport": table none\.csv: ENOENT/);
  });

  test('has a known file type', () => {
    expect(tableOptions.safeParse({ file: 'a.xlsx', key: 'id' }).error?.issues).toMatchObject([
      { path: ['file'], message: expect.stringContaining('.csv, .tsv, .json or .ndjson') },
    ]);
  });
});

/** Which of these arguments find a row. */
function found(find: Find, ...values: readonly Argument[]): unknown[] {
  return values.filter((value) => find(value).json !== undefined).map((value) => sourceOf(value));
}

const sourceOf = (value: Argument): unknown => (value instanceof RawJson ? value.source : value);
const numbers = (...sources: readonly string[]): RawJson[] => sources.map((source) => new RawJson(source));

describe('a number finds a numeric key', () => {
  const equal: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['1.10', ['1.10', '1.1', '1.100', '11e-1', '0.11E+1'], ['1.101', '-1.10', '11']],
    ['1', ['1.0', '1e0', '10e-1', '0.1e1'], ['-1.0', '1.01', '1e1']],
    ['1.0', ['1.0', '1.00', '1e0'], ['10.0']],
    ['10', ['1e1', '10.0', '1E+01'], ['1.0', '1e2']],
    ['1e1', ['1e1', '10.0', '0.1e2'], ['1e2']],
    ['0', ['-0', '0.0', '-0.0', '0e7'], ['1e-400']],
    ['-0', ['-0', '0.0', '0e99999999999999999999'], ['0.0000001']],
    ['9007199254740993', ['9007199254740993', '9007199254740993.0'], ['9007199254740992', '9007199254740992.0']],
    ['12345678901234567890', ['12345678901234567890', '1.234567890123456789e19'], ['12345678901234567891']],
    ['0.1', ['0.1', '0.10', '1e-1'], ['0.1000000000000000055']],
    ['1e400', ['1e400', '10e399', '0.1e401'], ['1e401', '1e399']],
    ['1e1000000000', ['1e1000000000', '10e999999999'], ['1e1000000001']],
  ];

  test.each(equal)('%s if both have one value, in JSON and NDJSON', async (key, same, others) => {
    for (const [file, content] of [
      ['t.ndjson', `{"id":${key}}\n{"id":"text"}`],
      ['t.json', `[{"id":"text"},{"id":${key}}]`],
    ] as const) {
      const find = await open(file, content);
      expect(found(find, ...numbers(...same, ...others))).toEqual(same);
      expect(find('text').json).toBe('{"id":"text"}');
    }
  });

  test('a text finds only the key with the same characters', async () => {
    const find = await open('t.ndjson', '{"id":1.10}\n{"id":2}\n{"id":true}');
    expect(found(find, '1.10', '1.1', '11e-1', '2', '2.0', 'true', true, 'TRUE')).toEqual(['1.10', '2', 'true', true]);
  });

  test('an integer finds a number that is spelled with a point or an exponent', async () => {
    const find = await open('t.ndjson', '{"id":7.0}\n{"id":1e2}\n{"id":"8.0"}');
    expect(found(find, 7, 100, 8)).toEqual([7, 100]);
  });
});

describe('a key that is text', () => {
  const csv = 'id\n7\n7.0\n1.10\n1.1\n007\n1e1\n -5\n';

  test('is found by a number with the same characters, and by no other: in CSV', async () => {
    const find = await open('t.csv', csv);
    const spellings = ['7.0', '7.00', '1.10', '1.1', '1.100', '1e1', '10', '-5', '-0'];
    expect(found(find, 7, ...numbers(...spellings))).toEqual([7, '7.0', '1.10', '1.1', '1e1']);
    expect(find(new RawJson('7.0')).json).toBe('{"id":"7.0"}');
    expect(found(find, '7.0', '007', ' -5', '-5', '1.10 ')).toEqual(['7.0', '007', ' -5']);
  });

  test('is found by a number with the same characters, and by no other: in JSON', async () => {
    const rows = await open('t.json', '[{"id":"7"},{"id":"1.10"},{"id":"1.1"},{"id":""}]');
    expect(found(rows, 7, ...numbers('7.0', '1.10', '1.1', '1.100'), '')).toEqual([7, '1.10', '1.1', '']);
    const members = await open('t.json', '{"7":1,"1.10":2,"1.1":3,"__proto__":4,"constructor":5}');
    expect(found(members, 7, ...numbers('7.0', '1.10', '1.1', '1.100'))).toEqual([7, '1.10', '1.1']);
    expect(members('__proto__').json).toBe('4');
    expect(found(members, 'constructor', 'toString')).toEqual(['constructor']);
  });
});

describe('a CSV file', () => {
  test.each([
    ['LF, then CR LF', 'n,id\nx,1\r\n'],
    ['CR LF, then LF', 'n,id\r\nx,1\n'],
    ['CR', 'n,id\rx,1\r'],
    ['CR, then LF', 'n,id\rx,1\n'],
    ['no last one', 'n,id\r\nx,1'],
    ['empty lines between', '\n\r\nn,id\r\r\n\n\rx,1\r\n\r\n'],
    ['a byte order mark and quotes', '\uFEFF"n","id"\r"x","1"\n'],
  ])('may end its rows with %s', async (_, content) => {
    expect((await open('t.csv', content))(1).json).toBe('{"n":"x","id":"1"}');
  });

  test('keeps line breaks and delimiters in quotes, and all blanks', async () => {
    const find = await open('t.csv', 'id,n\r"a\r","b\r\nc\nd, ""e"""\n" f ", g \r\n');
    expect(find('a\r').json).toBe(JSON.stringify({ id: 'a\r', n: 'b\r\nc\nd, "e"' }));
    expect(find(' f ').json).toBe('{"id":" f ","n":" g "}');
  });

  test('is read the same wherever its pieces end', async () => {
    // The file is parsed in pieces of 64 KiB: each of these puts another character at the end of the first.
    for (let filled = 65_530; filled <= 65_537; filled++) {
      const find = await open('t.csv', `id,n\r\n"${'x'.repeat(filled - 10)}",1\r\n"a\r\n",2\r\nb,3\r4,"5"\n`);
      expect(find('a\r\n').json).toBe(JSON.stringify({ id: 'a\r\n', n: '2' }));
      expect(find('b').json).toBe('{"id":"b","n":"3"}');
      expect(find(4).json).toBe('{"id":"4","n":"5"}');
    }
  });

  test('may have one column without a name', async () => {
    expect((await open('t.csv', ',id\n0,a\n'))('a').json).toBe('{"":"0","id":"a"}');
  });

  test.each([
    ['t.csv', 'id;n\n1;a,b\n', { delimiter: ';' }, '{"id":"1","n":"a,b"}'],
    ['t.csv', 'id\tn\n1\t"a\tb"\n', { delimiter: '\t' }, '{"id":"1","n":"a\\tb"}'],
    ['t.csv', 'id|n\r1|\r', { delimiter: '|' }, '{"id":"1","n":""}'],
    ['t.csv', 'id§n\n1§ä\n', { delimiter: '§' }, '{"id":"1","n":"ä"}'],
    ['t.csv', 'id\u{1F600}n\n1\u{1F600}a\n', { delimiter: '\u{1F600}' }, '{"id":"1","n":"a"}'],
    ['t.tsv', 'id\tn\n1\ta,b\n', {}, '{"id":"1","n":"a,b"}'],
    ['T.TSV', 'id\tn\r\n1\t a \r\n', {}, '{"id":"1","n":" a "}'],
    ['t.tsv', 'id,n\n1,a\n', { delimiter: ',' }, '{"id":"1","n":"a"}'],
  ])('%s with %j has the delimiter of %j', async (file, content, options, row) => {
    expect((await open(file, content, options))(1).json).toBe(row);
  });

  test.each(['', ';;', '"', '\n', '\r'])('has no delimiter %j', (delimiter) => {
    const { error } = tableOptions.safeParse({ file: 'a.csv', key: 'id', delimiter });
    expect(error?.issues).toMatchObject([{ path: ['delimiter'], message: expect.stringContaining('one character') }]);
  });

  test.each(['a.json', 'a.ndjson', 'A.NDJSON'])('alone has a delimiter: %s has none', (file) => {
    const { error } = tableOptions.safeParse({ file, key: 'id', delimiter: ',' });
    expect(error?.issues).toMatchObject([{ path: ['delimiter'], message: expect.stringContaining('.csv and .tsv') }]);
  });
});
