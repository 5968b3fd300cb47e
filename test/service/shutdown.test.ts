import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { WireClient } from '../http/wire-client.ts';
import { folderOf, Millrace, type Serving, serve } from './serving.ts';

const answer = '{"key":"1","name":"one"}';

function started(server = ''): Promise<Serving> {
  return serve({
    'millrace.yaml': `${server}
lookups: { rows: { table: { file: rows.ndjson, key: key } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { key: /key }, into: /answer } ] } }`,
    'rows.ndjson': `${answer}\n`,
  });
}

/** A stream that has received one result, and continues. */
async function streaming({ port }: Serving): Promise<WireClient> {
  const client = await WireClient.open(port);
  onTestFinished(() => void client.socket.destroy());
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk('{"n":1,"key":"1"}\n');
  await client.until(`{"n":1,"key":"1","answer":${answer}}`);
  return client;
}

test('SIGTERM: the service is not ready, refuses new streams, completes the running one and exits with 0', async () => {
  const serving = await started();
  const client = await streaming(serving);
  expect((await fetch(`${serving.admin.url}/readyz`)).status).toBe(200);
  serving.child.kill('SIGTERM');
  await serving.says(/"draining/);
  const ready = await fetch(`${serving.admin.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining', streams: 1 }]);
  expect((await fetch(`${serving.admin.url}/livez`)).status).toBe(200);
  const refused = await fetch(`${serving.url}/v1/enrich/test`, { method: 'POST', body: '{"key":"1"}\n' });
  expect([refused.status, refused.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
  expect(await refused.json()).toMatchObject({ code: 'draining', status: 503 });
  expect(refused.headers.get('connection')).toBe('close');
  // The answer arrives whole, although much of the body is on its way.
  const sending = await WireClient.open(serving.port);
  sending.head('/v1/enrich/test', 'Content-Length: 3000000');
  sending.write('x'.repeat(1_000_000));
  await sending.until('"code":"draining"');
  expect(sending.received).toMatch(/^connection: close/im);
  sending.socket.destroy();
  client.chunk('{"n":2,"key":"1"}\n');
  await client.until(`{"n":2,"key":"1","answer":${answer}}`);
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  expect(await serving.ended).toEqual([0, null]);
  expect(serving.stdout).toBe('');
});

test('a service without streams ends at once, even if the signal arrives as soon as it listens', async () => {
  const serving = await started();
  // As soon as the line with its addresses is written.
  serving.child.kill('SIGTERM');
  expect(await serving.ended).toEqual([0, null]);
});

test('without streams the service ends at once, however many clients keep their connection open', async () => {
  const serving = await started('server: { drainTimeout: 1h, limits: { headersTimeout: 1h } }');
  const client = await streaming(serving);
  const ports = [serving.port, Number(new URL(serving.admin.url).port)];
  const silent = ['', 'POST /v1/enrich/test HTTP/1.1\r\nHost: te', 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'];
  for (const text of Array.from({ length: 60 }, (_, index) => silent[index % 3] ?? '')) {
    for (const port of ports) {
      const idle = await WireClient.open(port);
      onTestFinished(() => void idle.socket.destroy());
      idle.write(text);
      if (text.startsWith('GET')) await idle.until('HTTP/1.1');
    }
  }
  serving.child.kill('SIGTERM');
  await serving.says(/"draining/);
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  expect(await serving.ended).toEqual([0, null]);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s ends a service that is still starting, with %i', async (signal, code) => {
  const folder = folderOf({
    'millrace.yaml': `
lookups: { mine: { module: { file: mine.mjs } } }
pipelines: { test: { enrich: [ { lookup: mine, with: { key: /key }, into: /answer } ] } }`,
    'mine.mjs': `export default {
  open() { process.stderr.write('opening\\n'); return new Promise((resolve) => setTimeout(resolve, 1e9)); },
  asyncInvoke() {},
};`,
  });
  const starting = new Millrace(['serve', '-c', join(folder, 'millrace.yaml'), '--port', '0', '--admin-port', '0']);
  await starting.says(/opening/);
  starting.child.kill(signal);
  expect(await starting.ended).toEqual([code, null]);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s: what runs when drainTimeout is over is cut: curl exits 18, the service %i', async (signal, code) => {
  const far = createServer(() => {});
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const serving = await serve({
    'millrace.yaml': `server: { drainTimeout: 100ms }
lookups: { far: { http: { url: "http://127.0.0.1:${port}/{key}" } } }
pipelines: { test: { timeout: 1h, enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
  });
  const asked = once(far, 'request');
  const curl = spawn('curl', ['-sS', '--data-binary', '{"key":"1"}', `${serving.url}/v1/enrich/test`]);
  curl.stdout.resume();
  curl.stderr.resume();
  const curlEnded = once(curl, 'close');
  await asked;
  serving.child.kill(signal);
  expect(await curlEnded).toEqual([18, null]);
  expect(await serving.ended).toEqual([code, null]);
});

test('at drainTimeout a stream gets its last $checkpoint and is cut', async () => {
  const serving = await started('server: { drainTimeout: 2s }');
  const client = await WireClient.open(serving.port);
  onTestFinished(() => void client.socket.destroy());
  client.head('/v1/enrich/test?control=true', 'Transfer-Encoding: chunked');
  client.chunk('{"n":1,"key":"1"}\n');
  await client.until(`{"n":1,"key":"1","answer":${answer}}`);
  serving.child.kill('SIGTERM');
  await client.until('{"$checkpoint":{"next":1,"pending":[]}}');
  client.chunk('{"n":2,"key":"1"}\n');
  await client.until('{"$checkpoint":{"next":2,"pending":[]}}\n{"$fatal":{');
  await client.untilEnded();
  expect(client.received).toContain('"code":"draining"');
  expect(client.received).not.toContain('Millrace-Status: complete');
  expect(await serving.ended).toEqual([143, null]);
});

test('a second signal ends the service at once', async () => {
  const serving = await started('server: { drainTimeout: 1h }');
  const client = await streaming(serving);
  serving.child.kill('SIGTERM');
  await serving.says(/"draining/);
  serving.child.kill('SIGTERM');
  expect(await serving.ended).toEqual([143, null]);
  await client.untilEnded();
  expect(client.received).not.toContain('Millrace-Status: complete');
});
