import { describe, expect, test } from 'vitest';
import { fetch } from './fetched.ts';
import { enriched, records, start } from './start.ts';

const lines = { 'content-type': 'application/x-ndjson' };
const record = { 'content-type': 'application/json' };

async function send(url: string, body: string, headers: Record<string, string>): Promise<[number, string]> {
  const response = await fetch(url, { method: 'POST', body, headers });
  return [response.status, await response.text()];
}

const array = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const object = (depth: number): string => `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`;
const mixed = (depth: number): string => `${'[{"\\u0061":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`;

const tooDeep: readonly (readonly [what: string, value: string])[] = [
  ['4,000 arrays', array(4_000)],
  ['100,000 arrays', array(100_000)],
  ['4,000 objects', object(4_000)],
  ['100,000 objects', object(100_000)],
  ['4,000 objects in arrays, their names with escapes', mixed(4_000)],
  ['1,001 arrays', array(1_001)],
  ['arrays that nothing closes', '['.repeat(500_000)],
];
const levels = 'expected at most 1000 levels of nesting';

describe.each(tooDeep)('%s', (_what, value) => {
  test.each([
    ['ordered', {}],
    ['unordered', {}],
    ['keyed', { key: '/v' }],
  ])('are an error of their line in mode %s', async (mode, pipeline) => {
    const { url } = await start({ pipeline: { mode, ...pipeline } });
    const key = mode === 'keyed' ? ',"v":1' : '';
    const good = (name: string): string => `{"key":"${name}"${key}}\n`;
    const [status, text] = await send(
      `${url}/v1/enrich/test`,
      `${good('a')}{"key":"b","v":${value}}\n${good('c')}`,
      lines,
    );
    const out = text.split('\n');
    expect([status, out.length]).toEqual([200, 4]);
    expect(out.filter((line) => line.includes('"found"'))).toHaveLength(2);
    expect(out.find((line) => line.includes('_error'))).toMatch(
      new RegExp(
        `^\\{"_error":\\{"code":"invalid_json","message":"the line is not JSON: at character \\d+ ${levels}, `,
      ),
    );
  });

  test('are 422 as a single record, and 400 in explain', async () => {
    const { url } = await start();
    const body = `{"key":"a","v":${value}}`;
    const [status, text] = await send(`${url}/v1/enrich/test`, body, record);
    expect([status, text]).toEqual([422, expect.stringContaining('"code":"invalid_json"')]);
    expect(text).toContain(levels);
    const [explained, problem] = await send(`${url}/v1/explain/test`, body, record);
    expect([explained, problem]).toEqual([400, expect.stringContaining('"code":"bad_body"')]);
    expect(problem).toContain(levels);
  });

  test('are bad_resume in a $resume, and an error in its place as a watermark', async () => {
    const { url } = await start();
    for (const resume of [value, `{"next":${value},"pending":[]}`, `{"next":1,"pending":[${value}]}`]) {
      const response = await fetch(`${url}/v1/enrich/test?control=true`, {
        method: 'POST',
        body: `{"$resume":${resume}}\n${records(1)}`,
        headers: lines,
      });
      const reader = response.body?.getReader();
      const first = await reader?.read();
      expect(Buffer.from(first?.value ?? []).toString()).toMatch(/^\{"\$fatal":\{.*"code":"bad_resume"/);
      await reader?.cancel().catch(() => {});
    }
    const [, text] = await send(`${url}/v1/enrich/test?control=true`, `{"$watermark":${value}}\n${records(1)}`, lines);
    expect(text.split('\n')[0]).toMatch(
      /^\{"_error":\{"code":"invalid_json","message":"the control line is not JSON: /,
    );
    expect(text).toContain(enriched(1));
  });

  test('are bad_response in an answer', async () => {
    const { url, downstream } = await start();
    downstream.answers = new Map([
      ['1', value],
      ['2', `{"found":"2"}`],
    ]);
    const [, text] = await send(`${url}/v1/enrich/test`, records(1, 2), lines);
    const [bad, good] = text.split('\n');
    expect(good).toBe(enriched(2).trim());
    expect(bad).toContain('"code":"bad_response"');
    expect(bad).toContain(levels);
  });
});

test.each([
  ['arrays', array(999)],
  ['objects', object(999)],
])(
  '1000 levels of %s are read: as a record, as a key, as an argument, in explain and as an answer',
  async (_, value) => {
    const { url, downstream } = await start({
      pipeline: { mode: 'keyed', key: '/v', enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] },
    });
    downstream.answers = new Map([['a', value]]);
    const line = `{"key":"a","v":${value}}`;
    const expected = `{"key":"a","v":${value},"answer":${value}}`;
    expect(await send(`${url}/v1/enrich/test`, `${line}\n${line}\n`, lines)).toEqual([
      200,
      `${expected}\n${expected}\n`,
    ]);
    expect(await send(`${url}/v1/enrich/test`, line, record)).toEqual([200, expected]);
    expect((await send(`${url}/v1/explain/test`, line, record))[0]).toBe(200);
  },
);

test('keys that are objects are equal in any order of their members, also deep and in a line of a megabyte', async () => {
  const { url, downstream } = await start({ pipeline: { mode: 'keyed', key: '/v', capacity: 10 } });
  downstream.hold = true;
  const filler = 'x'.repeat(500_000);
  const body = [
    `{"key":"a","v":{"x":[{"p":1,"q":2.0}],"y":1}}`,
    `{"key":"b","v":{"y":1.0,"x":[{"q":2,"p":1}]},"filler":"${filler}"}`,
    `{"key":"c","v":{"y":1,"x":[{"q":2,"p":2}]},"filler":"${filler}"}`,
  ].join('\n');
  const answered = send(`${url}/v1/enrich/test`, body, lines);
  await downstream.until(() => downstream.held.length === 2);
  expect(downstream.held.map(({ key }) => key)).toEqual(['a', 'c']);
  for (const call of downstream.held.splice(0)) call.answer({});
  await downstream.until(() => downstream.held.length === 1);
  expect(downstream.held.map(({ key }) => key)).toEqual(['b']);
  for (const call of downstream.held.splice(0)) call.answer({});
  expect((await answered)[1].split('\n')).toHaveLength(4);
});

test('a key that is an object of more than 64 KiB is an error of its record', async () => {
  const { url } = await start({ pipeline: { mode: 'keyed', key: '/v' } });
  const wide = `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":0`).join(',')}}`;
  const [, text] = await send(`${url}/v1/enrich/test`, `{"key":"a","v":${wide}}\n`, lines);
  expect(text).toContain('"code":"missing_argument","message":"/v holds 208891 characters of JSON');
});
