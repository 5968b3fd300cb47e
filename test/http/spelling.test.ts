import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listen, start } from './start.ts';

/** A downstream that answers with its request. */
async function echo(): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ url: request.url, header: request.headers['x-id'], body }));
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

async function fileOf(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

async function post(url: string, body: string, type = 'application/x-ndjson'): Promise<string[]> {
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body, headers: { 'content-type': type } });
  expect(response.status).toBe(200);
  const lines = (await response.text()).split('\n');
  return lines.filter((line) => line !== '');
}

const spellings = ['1.0', '1.10', '1', '1e2', '1E+2', '-0', '0.0', '12345678901234567890', '1e400', '0.10', '-7.50'];

async function startEcho(from: string, cache?: object): Promise<string> {
  const http = {
    url: `${await echo()}/a/{id}/b-{id}?own={id}`,
    method: 'POST',
    headers: { 'x-id': '{id}' },
    query: { q: 'n{id}' },
    body: { value: '{id}', text: 'n{id}' },
  };
  const { url } = await start({
    lookups: { echo: { http, ...(cache && { cache }) } },
    pipeline: { enrich: [{ lookup: 'echo', with: { id: from }, into: '/answer' }] },
  });
  return url;
}

/** The request that the downstream must receive for a number with this spelling. */
function asked(spelling: string): object {
  const encoded = encodeURIComponent(spelling);
  return {
    url: `/a/${encoded}/b-${encoded}?own=${encoded}&q=n${encoded}`,
    header: spelling,
    body: `{"value":${spelling},"text":"n${spelling}"}`,
  };
}

test('a number is sent as the record spells it: in a path, a query, a header and a body', async () => {
  const url = await startEcho('/id');
  const lines = await post(url, spellings.map((spelling) => `{"id":${spelling}}\n`).join(''));
  expect(lines).toEqual(spellings.map((spelling) => `{"id":${spelling},"answer":${JSON.stringify(asked(spelling))}}`));
});

test('so is a nested number, a number in a line with characters beyond ASCII, and one in a record over several lines', async () => {
  const url = await startEcho('/a~1b/1/ü');
  const records = spellings.map((spelling) => `{"a/b": [0, {"ü": ${spelling} }], "x": 1.0}`);
  const answers = spellings.map((spelling) => JSON.stringify(asked(spelling)));
  const lines = await post(url, records.join('\n'));
  expect(lines).toEqual(records.map((record, index) => `${record.slice(0, -1)},"answer":${answers[index]}}`));
  for (const [index, record] of records.entries()) {
    const [line] = await post(url, record.replaceAll(' ', '\r\n\t'), 'application/json');
    expect(JSON.parse(line ?? '')).toMatchObject({ answer: asked(spellings[index] ?? '') });
  }
});

test('a cache gives no answer to a number with another spelling', async () => {
  const url = await startEcho('/id', { ttl: '1h' });
  const body = [...spellings, ...spellings].map((spelling) => `{"id":${spelling}}\n`).join('');
  const answers = [...spellings, ...spellings].map((spelling) => asked(spelling));
  expect((await post(url, body)).map((line) => JSON.parse(line).answer)).toEqual(answers);
});

test('an answer and its selected part keep their characters, and replace the member at their place', async () => {
  const part = String.raw`{"n":1.10, "big":12345678901234567890,"e":1E+2,"t":" \u00e9\/ \ud800 ","n":-0}`;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(`\uFEFF {"a/b":[0],"~":0,"a/b":[{"~": 1},\r\n ${part}\n]} \r\n`);
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { url } = await start({
    lookups: { part: { http: { url: `http://127.0.0.1:${port}/{id}`, select: '/a~1b/1' } } },
    pipeline: { enrich: [{ lookup: 'part', with: { id: '/id' }, into: '/x~1y/~0' }] },
  });
  const lines = await post(
    url,
    '{"id":1,"x/y" : {"~":"old", "z":1.0} , "w":-0}  \n{"id":1,"x/y":null,"x/y":{}}\n{"id":1}\n',
  );
  expect(lines).toEqual([
    `{"id":1,"x/y" : {"~":${part}, "z":1.0} , "w":-0}  `,
    `{"id":1,"x/y":null,"x/y":{"~":${part}}}`,
    `{"id":1,"x/y":{"~":${part}}}`,
  ]);
});

test.each([
  ['rows.ndjson', '{"id":1.10,"n":"a"}\r\n{"id":7,"n":"b"}\n', ['1.10', '1.1', '11e-1', '7', '7.0'], ['"1.1"', '7.01']],
  ['rows.csv', 'n,id\nx,1\r\ny,7.0\rz,8\n', ['1', '7.0', '8', '"7.0"'], ['1.0', '7', '"8\\r"', '8.0']],
  ['rows.tsv', 'n\tid\na,b\t1\n', ['1', '"1"'], ['1.0']],
])('a table from %s finds the same keys over HTTP', async (name, content, hits, misses) => {
  const file = await fileOf(name, content);
  const { url } = await start({
    lookups: { rows: { table: { file, key: 'id' } } },
    pipeline: { enrich: [{ lookup: 'rows', with: { id: '/k' }, into: '/row' }] },
  });
  const lines = await post(url, [...hits, ...misses].map((key) => `{"k":${key}}\n`).join(''));
  expect(lines.filter((line) => !line.endsWith(',"row":null}'))).toHaveLength(hits.length);
  expect(lines.filter((line) => line.endsWith(',"row":null}'))).toEqual(misses.map((key) => `{"k":${key},"row":null}`));
});
