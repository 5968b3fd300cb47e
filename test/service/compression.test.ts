import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { contentCodings } from '../../src/core/vocabulary.ts';
import { coded } from '../wire/coding/bodies.ts';
import { folderOf, type Serving, serve } from './serving.ts';

const run = promisify(execFile);

function started(): Promise<Serving> {
  return serve({
    'millrace.yaml': `
lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines:
  test: { enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ] }
  strict: { onError: fail, enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ] }`,
    'rows.csv': 'id,name\n1,one\n2,two\n',
  });
}

const line = (n: number): string => `{"n":${n},"key":"${1 + (n % 2)}"}\n`;
const answered = (n: number): string => {
  const id = 1 + (n % 2);
  return `{"n":${n},"key":"${id}","answer":{"id":"${id}","name":"${id === 1 ? 'one' : 'two'}"}}\n`;
};
const numbers = [...Array(20_000).keys()];
const body = numbers.map((n) => line(n)).join('');
const whole = numbers.map((n) => answered(n)).join('');

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of bash; it fails if a program of a pipe fails. */
async function bash({ url }: Serving, command: string, files: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const env = { ...process.env, URL: `${url}/v1/enrich` };
  const options = { cwd: folderOf({ 'in.ndjson': body, ...files }), env, maxBuffer: 100_000_000 };
  const ended: unknown = await run('bash', ['-o', 'pipefail', '-c', command], options).catch((error: unknown) => error);
  const { code = 0, stdout = '', stderr = '' } = ended as Partial<Ended>;
  return { code, stdout, stderr };
}

describe('a file of 20,000 lines that is compressed by a program comes back complete, and its response is decoded by', () => {
  test.each([
    ['curl', `gzip -c in.ndjson | curl -sS --compressed -X POST -T - -H 'content-encoding: gzip' $URL/test`],
    [
      'curl, with a Content-Length',
      `gzip in.ndjson; curl -sS --compressed --data-binary @in.ndjson.gz -H 'content-encoding: gzip' $URL/test`,
    ],
    [
      'gzip',
      `gzip -c in.ndjson | curl -sS -X POST -T - -H 'content-encoding: gzip' -H 'accept-encoding: gzip' $URL/test | gzip -d`,
    ],
    [
      'brotli',
      `brotli -q 5 -c in.ndjson | curl -sS -X POST -T - -H 'content-encoding: br' -H 'accept-encoding: br' $URL/test | brotli -d`,
    ],
    [
      'zstd',
      `zstd -qc in.ndjson | curl -sS -X POST -T - -H 'content-encoding: zstd' -H 'accept-encoding: zstd' $URL/test | zstd -d`,
    ],
    [
      'zstd, level 19',
      `zstd -19 -qc in.ndjson | curl -sS -X POST -T - -H 'content-encoding: zstd' -H 'accept-encoding: zstd' $URL/test | zstd -d`,
    ],
    [
      'gzip, of many members',
      `split -l 999 in.ndjson part; gzip part*; cat part*.gz | curl -sS -X POST -T - -H 'content-encoding: gzip' -H 'accept-encoding: gzip' $URL/test | gzip -d`,
    ],
    [
      'zstd, of many frames',
      `split -l 999 in.ndjson part; zstd -q part*; cat part*.zst | curl -sS -X POST -T - -H 'content-encoding: zstd' -H 'accept-encoding: gzip' $URL/test | gzip -d`,
    ],
  ])('%s', async (_, command) => {
    const { code, stdout, stderr } = await bash(await started(), command);
    expect([code, stderr]).toEqual([0, '']);
    // Compared as a boolean: a message with the difference of two megabytes would be unreadable.
    expect(stdout === whole).toBe(true);
  });
});

describe.each([
  ['gzip', 'gzip -d'],
  ['br', 'brotli -d'],
  ['zstd', 'zstd -d'],
])('a response in %s that is cut', (coding, decoder) => {
  test('is an error of curl, and of the program that decodes it', async () => {
    const serving = await started();
    const bad = { 'bad.ndjson': `${line(0)}{"key":null}\n` };
    const sent = `curl -sS --data-binary @bad.ndjson -H 'accept-encoding: ${coding}' $URL/strict`;
    const curl = await bash(serving, `${sent} -o out`, bad);
    expect([curl.code, curl.stderr]).toEqual([18, expect.stringContaining('curl: (18)')]);
    const { code, stdout, stderr } = await bash(serving, `${sent} -o out; ${decoder} < out`, bad);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/unexpected end|Read error|corrupt/i);
    expect(stdout === '' || stdout === answered(0)).toBe(true);
  });
});

test.each([
  [
    'requests',
    `import gzip, os, requests
answer = requests.post(os.environ['URL'] + '/test', data=gzip.compress(open('in.ndjson', 'rb').read()), headers={'Content-Encoding': 'gzip'})
assert answer.headers['Content-Encoding'] == 'gzip', answer.headers
print(answer.text, end='')`,
  ],
  [
    'httpx',
    `import gzip, os, httpx
answer = httpx.post(os.environ['URL'] + '/test', content=gzip.compress(open('in.ndjson', 'rb').read()), headers={'Content-Encoding': 'gzip'})
assert 'Content-Encoding' in answer.headers, answer.headers
print(answer.text, end='')`,
  ],
  [
    'aiohttp',
    `import asyncio, gzip, os, aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        data = gzip.compress(open('in.ndjson', 'rb').read())
        async with session.post(os.environ['URL'] + '/test', data=data, headers={'Content-Encoding': 'gzip'}) as answer:
            assert 'Content-Encoding' in answer.headers, answer.headers
            print(await answer.text(), end='')
asyncio.run(main())`,
  ],
])(
  "Python's %s sends a compressed body, asks for a compressed response by itself, and decodes it",
  async (_, program) => {
    const ended = await bash(await started(), '/usr/bin/python3 client.py', { 'client.py': program });
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(ended.stdout === whole).toBe(true);
  },
);

test("Node's fetch decodes the response that it asks for", async () => {
  const { url } = await started();
  const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'br' };
  const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', headers, body: coded.br(line(0)) });
  expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['gzip', answered(0)]);
});

test('bombs in all codings end with their own streams: memory stays flat, and a healthy stream beside them comes whole', async () => {
  const serving = await started();
  const to = `${serving.url}/v1/enrich/test`;
  const healthy = httpRequest(to, { method: 'POST' });
  healthy.flushHeaders();
  const [response] = (await once(healthy, 'response')) as [IncomingMessage];
  const received = text(response);
  // The first stream compiles code and opens buffers.
  await bash(serving, `gzip -c in.ndjson | curl -sS --compressed -X POST -T - -H 'content-encoding: gzip' $URL/test`);
  const before = serving.peakBytes() ?? 0;
  const bombs = contentCodings.map((coding) => [coding, coded[coding](Buffer.alloc(64 * 1024 * 1024))] as const);
  const codes: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    healthy.write(
      numbers
        .slice(round * 4000, (round + 1) * 4000)
        .map((n) => line(n))
        .join(''),
    );
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(
      [...bombs, ...bombs].map(async ([coding, bomb]) => {
        const headers = { 'content-encoding': coding };
        const bombed = httpRequest(`${to}?control=true`, { method: 'POST', headers });
        bombed.on('error', () => {});
        bombed.end(bomb);
        const [answer] = (await once(bombed, 'response')) as [IncomingMessage];
        const last = await new Promise<string>((resolve) => {
          let all = '';
          answer.setEncoding('utf8').on('data', (part: string) => (all += part));
          answer.on('error', () => {}).on('close', () => resolve(all));
        });
        codes.push(/"code":"(\w+)"/.exec(last)?.[1] ?? last);
      }),
    );
  }
  healthy.end();
  expect((await received) === whole).toBe(true);
  expect(codes).toEqual(Array(30).fill('decompression_ratio'));
  // 30 bombs of 64 MB each.
  expect((serving.peakBytes() ?? 0) - before).toBeLessThan(100_000_000);
}, 60_000);
