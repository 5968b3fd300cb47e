import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { enriched, records, start } from './start.ts';
import { WireClient } from './wire-client.ts';

const run = promisify(execFile);

test('curl without options gets its 100 and its records, and exits with 0', async () => {
  const { url } = await start();
  const body = records(...Array(2000).keys());
  const args = [
    '-sSv',
    '--expect100-timeout',
    '20',
    '-H',
    'Expect: 100-continue',
    '--data-binary',
    body,
    `${url}/v1/enrich/test`,
  ];
  const { stdout, stderr } = await run('curl', args);
  expect(stderr).toMatch(/< HTTP\/(1\.1 100 Continue|2 100)/);
  expect(stdout).toBe(enriched(...Array(2000).keys()));
});

test('the head of a response is not sent together with the 100 that the client waits for', async () => {
  const { port, url } = await start();
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked', 'Expect: 100-continue');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  // After another whole exchange, a head sent with the 100 would have arrived.
  await (await fetch(`${url}/v1/pipelines`)).text();
  expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  client.chunk('{');
  await client.until('HTTP/1.1 200 OK\r\n');
  client.socket.destroy();
});

test('a request behind another one gets its 100 after the response before it, and none if it is refused', async () => {
  const { port } = await start();
  const client = await WireClient.open(port);
  client.write('GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.head('/v1/enrich/test', 'Content-Length: 12', 'Expect: 100-continue');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\}HTTP\/1\.1 100 Continue\r\n\r\n$/);
  client.write(records(1));
  await client.until(enriched(1));
  client.head('/nowhere', 'Content-Length: 12', 'Expect: 100-continue');
  await client.until('"code":"unknown_route"');
  expect(client.received.match(/100 Continue/g)).toHaveLength(1);
  client.socket.destroy();
});

test('curl -T . shows each result while its input is still open', async () => {
  const { url } = await start();
  const curl = spawn('curl', ['-sSN', '-X', 'POST', '-T', '.', `${url}/v1/enrich/test`]);
  curl.stdout.setEncoding('utf8');
  for (const key of [1, 2, 3]) {
    curl.stdin.write(records(key));
    const [text] = (await once(curl.stdout, 'data')) as [string];
    expect(text).toBe(enriched(key));
  }
  curl.stdin.end();
  expect(await once(curl, 'exit')).toEqual([0, null]);
});

test('curl exits with 18, and over HTTP/2 with 92, if the stream was cut', async () => {
  const { url } = await start({ pipeline: { onError: 'fail' } });
  const failed: unknown = await run('curl', [
    '-sS',
    '--data-binary',
    records(1, 'broken', 2),
    `${url}/v1/enrich/test`,
  ]).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: url.startsWith('https:') ? 92 : 18, stdout: enriched(1) });
});

test('the answer to curl -T without -X POST says what to add', async () => {
  const { url } = await start();
  const { stdout } = await run('sh', ['-c', `echo '{"key":"1"}' | curl -sS -T - '${url}/v1/enrich/test'`]);
  expect(JSON.parse(stdout)).toMatchObject({ status: 405, detail: expect.stringContaining('-X POST') });
});

test('a client that closes its side after the body still gets the whole response', async () => {
  const { port, downstream, heard } = await start();
  downstream.hold = true;
  const client = await WireClient.open(port);
  const body = records(1, 2);
  client.head('/v1/enrich/test', `Content-Length: ${body.length}`);
  client.socket.end(body);
  await downstream.until(() => downstream.held.length === 2);
  // The answers come long after the probes have shown that the client still reads.
  await client.until('\r\n\r\n0');
  for (const call of downstream.held) call.answer({ found: call.key });
  await client.untilClosed();
  expect(client.received).toContain(enriched(1));
  expect(client.received).toContain('Millrace-Status: complete\r\n');
  expect(heard.outcomes).toEqual(['completed']);
});

test('a response whose reader closed its side is a response that curl can read', async () => {
  const { port, downstream } = await start();
  downstream.hold = true;
  const client = await WireClient.open(port);
  const body = records(1);
  client.head('/v1/enrich/test', `Content-Length: ${body.length}`);
  client.socket.end(body);
  await client.until('\r\n\r\n00');
  downstream.held[0]?.answer({ found: '1' });
  await client.untilClosed();
  const replay = createServer((socket) => {
    socket.once('data', () => socket.end(client.received, 'latin1'));
  });
  replay.listen(0, '127.0.0.1');
  await once(replay, 'listening');
  const address = replay.address();
  const port2 = typeof address === 'object' && address !== null ? address.port : 0;
  const { stdout } = await run('curl', ['-sS', '-d', 'x', `http://127.0.0.1:${port2}/`]);
  replay.close();
  expect(stdout).toBe(enriched(1));
});

test('fetch with a streamed body reads while it writes', async () => {
  const { url } = await start();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const write = (key: number): Promise<void> => writer.write(new TextEncoder().encode(records(key)));
  // fetch sends the head of a request with the first bytes of its body.
  const [response] = await Promise.all([
    fetch(`${url}/v1/enrich/test`, { method: 'POST', body: readable, duplex: 'half' }),
    write(1),
  ]);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader?.read()).toEqual({ done: false, value: enriched(1) });
  for (const key of [2, 3]) {
    await write(key);
    expect(await reader?.read()).toEqual({ done: false, value: enriched(key) });
  }
  await writer.close();
  expect((await reader?.read())?.done).toBe(true);
});
