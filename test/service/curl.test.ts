import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { folderOf, type Serving, serve } from './serving.ts';

const run = promisify(execFile);

function started(more = ''): Promise<Serving> {
  return serve({
    'millrace.yaml': `
lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ]${more} } }`,
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

test('-sSN -X POST -T . shows each result before the next line is typed, and exits 0', async () => {
  const { url } = await started();
  const curl = spawn('curl', ['-sSN', '-X', 'POST', '-T', '.', `${url}/v1/enrich/test`]);
  const ended = once(curl, 'exit');
  curl.stdout.setEncoding('utf8');
  for (let n = 0; n < 20; n++) {
    curl.stdin.write(line(n));
    expect(await once(curl.stdout, 'data')).toEqual([answered(n)]);
  }
  curl.stdin.end();
  expect(await ended).toEqual([0, null]);
});

describe('a file of 20,000 lines is returned complete and in order', () => {
  test.each([
    'curl -sS -X POST -T in.ndjson "$URL"',
    'cat in.ndjson | curl -sS -X POST -T - "$URL"',
    'curl -sS --data-binary @in.ndjson "$URL"',
    'curl -sS -0 --data-binary @in.ndjson "$URL"',
    'curl -sS --http2-prior-knowledge -X POST -T in.ndjson "$URL"',
    'cat in.ndjson | curl -sS --http2-prior-knowledge -X POST -T - "$URL"',
    'cat in.ndjson | curl -sS --http2-prior-knowledge -X POST -T . "$URL"',
  ])('%s', async (command) => {
    const { url } = await started();
    const cwd = folderOf({ 'in.ndjson': body });
    const env = { ...process.env, URL: `${url}/v1/enrich/test` };
    const { stdout } = await run('sh', ['-c', command], { cwd, env, maxBuffer: 100_000_000 });
    // Compared as a boolean: a message with the difference of two megabytes would be unreadable.
    expect(stdout === whole).toBe(true);
  });
});

async function codeOf(...args: readonly string[]): Promise<unknown> {
  const failed: unknown = await run('curl', ['-sS', ...args]).catch((error: unknown) => error);
  return failed instanceof Error && 'code' in failed ? failed.code : 0;
}

describe('curl exits', () => {
  test('with 0 if every record has an outcome, even if some failed', async () => {
    const { url } = await started();
    expect(await codeOf('--fail', '--data-binary', '{"key":null}\n17\n', `${url}/v1/enrich/test`)).toBe(0);
  });

  test('with 18 if the stream was cut', async () => {
    const { url } = await started(', onError: fail');
    expect(await codeOf('--data-binary', '{"key":"1"}\n{"key":null}\n', `${url}/v1/enrich/test`)).toBe(18);
  });

  test('with 22 if the request was refused and curl has --fail', async () => {
    const { url } = await started();
    expect(await codeOf('--fail', '--data-binary', '{}', `${url}/v1/enrich/tset`)).toBe(22);
  });

  test('with 7 if no process listens', async () => {
    const serving = await started();
    serving.child.kill('SIGTERM');
    await serving.ended;
    expect(await codeOf('--data-binary', '{}', `${serving.url}/v1/enrich/test`)).toBe(7);
  });
});
