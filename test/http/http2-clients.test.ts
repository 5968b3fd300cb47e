import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { enriched, records, start } from './start.ts';

const run = promisify(execFile);
const keys = Array.from({ length: 2000 }, (_, key) => key);

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'millrace-h2-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test('nghttp gets the records and the trailers', async () => {
  const { url } = await start();
  const file = join(folder(), 'records');
  writeFileSync(file, records(...keys));
  const { stdout } = await run('nghttp', ['-d', file, `${url}/v1/enrich/test`], { maxBuffer: 2 ** 24 });
  expect(stdout).toBe(enriched(...keys));
  const shown = await run('nghttp', ['-nv', '-d', file, `${url}/v1/enrich/test`], { maxBuffer: 2 ** 24 });
  expect(shown.stdout).toMatch(/millrace-status: complete\n.*millrace-read: 2000\n/);
});

test('h2load sends 400 streams over 4 connections, 50 at the same time on each, and none fails', async () => {
  const { url, heard } = await start();
  const file = join(folder(), 'records');
  writeFileSync(file, records(1, 2, 3));
  const args = ['-n', '400', '-c', '4', '-m', '50', '-d', file, `${url}/v1/enrich/test`];
  const { stdout } = await run('h2load', args);
  expect(stdout).toContain('requests: 400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout');
  await heard.until(() => heard.outcomes.length === 400);
  expect(new Set(heard.outcomes)).toEqual(new Set(['completed']));
});

test('curl sends a body while it reads, and exits with 92 if the stream is cut', async () => {
  const { url } = await start({ pipeline: { onError: 'fail' } });
  const curl = ['-sS', '--http2-prior-knowledge', `${url}/v1/enrich/test`, '--data-binary'];
  const { stdout } = await run('curl', [...curl, records(...keys)], { maxBuffer: 2 ** 24 });
  expect(stdout).toBe(enriched(...keys));
  const failed: unknown = await run('curl', [...curl, records(1, 'broken', 2)]).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 92, stdout: enriched(1) });
});

test('httpx reads all records over HTTP/2, and reports a cut stream', async () => {
  const { url } = await start({ pipeline: { onError: 'fail' } });
  const program = `
import httpx, sys
body = sys.stdin.buffer.read()
with httpx.Client(http1=False, http2=True) as client:
    response = client.post('${url}/v1/enrich/test', content=body)
    assert response.http_version == 'HTTP/2'
    sys.stdout.write(response.text)
    try:
        client.post('${url}/v1/enrich/test', content=b'{"key":"broken"}')
        sys.stdout.write('no error')
    except httpx.RemoteProtocolError as error:
        sys.stdout.write('cut')
`;
  const httpx = run('/usr/bin/python3', ['-c', program], { maxBuffer: 2 ** 24 });
  httpx.child.stdin?.end(records(...keys));
  expect((await httpx).stdout).toBe(`${enriched(...keys)}cut`);
});
