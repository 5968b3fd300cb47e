import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { type InProcess, startInProcess } from './in-process.ts';

async function started(): Promise<InProcess> {
  const far = createServer((request, response) => response.end(`{"found":"${request.url?.slice(1)}"}`));
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  return startInProcess(
    { far: { http: { url: `http://127.0.0.1:${port}/{key}` } } },
    { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] },
  );
}

const found = (key: string): string => `{"key":"${key}","answer":{"found":"${key}"}}`;

/** The line that is returned for a line that could not be read. */
const unread = (code: string, message: string, input: string): string =>
  JSON.stringify({ _error: { code, message, line: 2, input } });
const noObject = (kind: string, input: string): string =>
  unread('not_an_object', `a record is a JSON object, but the line is ${kind}`, input);
const noArgument = (message: string): string =>
  `"_error":${JSON.stringify({ code: 'missing_argument', message, lookup: 'far', line: 2 })}}`;

const brokenJson = '{"key":"x",}';
const twoRecords = '{"key":"x"}{"key":"y"}';
const badLines: readonly (readonly [what: string, line: string | Buffer, out: string])[] = [
  [
    'broken JSON',
    brokenJson,
    unread('invalid_json', 'the line is not JSON: at character 12 expected a member name, found "}"', brokenJson),
  ],
  [
    'two records in one line',
    twoRecords,
    unread('invalid_json', 'the line is not JSON: at character 12 expected nothing more, found "{"', twoRecords),
  ],
  ['a number', '17', noObject('a number', '17')],
  ['an array', '[{"key":"x"}]', noObject('an array', '[{"key":"x"}]')],
  ['null', 'null', noObject('null', 'null')],
  ['a string', '"x"', noObject('a string', '"x"')],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    unread('invalid_utf8', 'the line is not UTF-8 from byte 3 on: send JSON encoded as UTF-8', '{"\ufffd":1}'),
  ],
  [
    'a record without the argument',
    '{"other":1.0}',
    `{"other":1.0,${noArgument('/key is missing; argument {key} is read from it')}`,
  ],
  [
    'an argument that is null',
    '{"key":null}',
    `{"key":null,${noArgument('/key is null; argument {key} is read from it')}`,
  ],
  [
    'an argument that would leave its path segment',
    '{"key":".."}',
    `{"key":"..",${noArgument('argument "key" makes the path segment "..", which would name another resource')}`,
  ],
];

test.each(badLines)('%s between two records gives one _error, and the two are enriched', async (_, line, expected) => {
  const { enrich } = await started();
  const body = Buffer.concat([Buffer.from('{"key":"a"}\n'), Buffer.from(line), Buffer.from('\n{"key":"b"}\n')]);
  const [before, bad, after, end] = (await enrich(body)).split('\n');
  expect([before, after, end]).toEqual([found('a'), found('b'), '']);
  expect(bad).toBe(expected);
});

test('a byte-order mark, CRLF, blank lines and a missing last newline are accepted; blank lines count as lines', async () => {
  const { enrich } = await started();
  const body = '\uFEFF{"key":"a"}\r\n\r\n{"key":"b"}\n\n \t\n{"key":"c"}\r\n{"key":\r\n{"key":"d"}';
  const lines = (await enrich(body)).split('\n');
  expect(lines.toSpliced(3, 1)).toEqual([found('a'), found('b'), found('c'), found('d'), '']);
  expect(lines[3]).toMatch(/^\{"_error":\{"code":"invalid_json",.*"line":7,"input":"\{\\"key\\":"\}\}$/);
});

test.each([
  ['are no records', 'x\n', 'invalid_json'],
  ['are records without an argument', '{}\n', 'missing_argument'],
])(
  'a body full of short lines that %s leaves turns of the event loop to others',
  async (_what, line, code) => {
    const { enrich, service } = await started();
    const count = 60_000;
    let answered = 0;
    const stream = enrich(line.repeat(count)).then((text) => ({ text, probes: answered }));
    // The body arrives in three chunks: without turns in between only about three probes would be answered.
    for (; answered < 10; answered += 1) await fetch(`${service.adminUrl}/livez`);
    const { text, probes } = await stream;
    expect(text.split(`"code":"${code}"`)).toHaveLength(count + 1);
    expect(probes).toBe(10);
  },
  30_000,
);
