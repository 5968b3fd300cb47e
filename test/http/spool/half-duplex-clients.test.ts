import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { procQueues } from '../../../src/http/connection/kernel-queues.ts';
import { sessionTo } from '../http2-client.ts';
import { start } from '../start.ts';

const run = promisify(execFile);

/** 480 lines of 64 KiB: more than the kernel holds for a client that does not read. Compressed, they would be fewer bytes. */
const body = `
line = lambda key: ('{"key":"%d","pad":"%s"}\\n' % (key, 'p' * 65536)).encode()
body = b''.join(line(key) for key in range(480))
`;
const check = `
lines = answer.splitlines()
assert len(lines) == 480, len(lines)
for key, got in enumerate(lines):
    assert got == line(key)[:-2] + b',"answer":{"found":"%d"}}' % key, key
print('complete')
`;
const line = (key: number): string => `{"key":"${key}","pad":"${'p'.repeat(65_536)}"}\n`;

const clients = {
  requests: `${body}
import requests, sys
answer = requests.post(sys.argv[1], data=body, headers={'Accept-Encoding': 'identity'}).content
${check}`,
  httpx: `${body}
import httpx, sys
answer = httpx.post(sys.argv[1], content=body, timeout=60, headers={'Accept-Encoding': 'identity'}).content
${check}`,
};

test.each([
  ['requests', 'auto'],
  ['requests', 'half'],
  ['httpx', 'auto'],
  ['httpx', 'half'],
] as const)('%s sends 30 MB and then reads all of the response, with duplex=%s', async (client, duplex) => {
  const { url, streams, spool } = await start({ queues: procQueues() });
  const { stdout } = await run('/usr/bin/python3', ['-c', clients[client], `${url}/v1/enrich/test?duplex=${duplex}`]);
  expect(stdout).toBe('complete\n');
  // The kernel holds up to 10 MB in each direction. With auto, the last ones come when the client reads already.
  expect(spool.gauges.spooledBytes).toBeGreaterThan(10_000_000);
  await streams.empty();
});

test('a client that is full duplex reads 30 MB without a spool, also with duplex=auto', async () => {
  const { url, streams, spool } = await start({ queues: procQueues() });
  const script = `${body}
import asyncio, aiohttp, sys
async def main():
    async def parts():
        for at in range(0, len(body), 65536): yield body[at:at + 65536]
    async with aiohttp.ClientSession() as session:
        async with session.post(sys.argv[1], data=parts()) as response: return await response.read()
answer = asyncio.run(main())
${check}`;
  const seen = new Set<unknown>();
  const watch = setInterval(() => {
    for (const stream of streams.describe()) seen.add(stream['duplex']);
  }, 5);
  const { stdout } = await run('/usr/bin/python3', ['-c', script, `${url}/v1/enrich/test?duplex=auto`]);
  clearInterval(watch);
  expect([stdout, [...seen], spool.gauges.spooledBytes]).toEqual(['complete\n', ['auto'], 0]);
});

test('a wrong value of duplex is refused, in the query and in the field', async () => {
  const { url } = await start();
  const post = (query: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/v1/enrich/test${query}`, {
      method: 'POST',
      body: '{"key":1}\n',
      headers: { 'Content-Type': 'application/x-ndjson', ...headers },
    });
  const field = await post('', { 'Millrace-Duplex': 'hal' });
  expect([field.status, await field.json()]).toMatchObject([
    400,
    { title: 'A parameter of the request cannot be used', parameter: 'Millrace-Duplex', nearest: 'half' },
  ]);
  const query = await post('?duplex=both', {});
  expect([query.status, await query.json()]).toMatchObject([400, { parameter: 'duplex', value: 'both' }]);
  const good = await post('', { 'Millrace-Duplex': 'half' });
  expect([good.status, await good.text()]).toEqual([200, '{"key":1,"answer":{"found":"1"}}\n']);
});

test(
  'a client that pauses while it sends is spooled for, and its output stops its input again as soon as it reads',
  { timeout: 120_000 },
  async () => {
    const { url, streams, spool } = await start({ queues: procQueues() });
    const stream = (): Readonly<Record<string, unknown>> => streams.describe()[0] ?? {};
    const upload = request(`${url}/v1/enrich/test?duplex=auto`, { method: 'POST', agent: false });
    upload.flushHeaders();
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    const enough = new AbortController();
    const sending = (async () => {
      let key = 0;
      for (; !enough.signal.aborted; key += 1) {
        if (!upload.write(line(key))) await once(upload, 'drain', { signal: enough.signal }).catch(() => {});
      }
      upload.end();
      return key;
    })();

    await vi.waitUntil(() => Number(stream()['spoolBytes']) > 1_000_000, { timeout: 60_000 });
    expect(stream()['duplex']).toBe('half');
    // It reads, and still sends: nothing more is spooled, and soon nothing waits.
    const received: string[] = [];
    response.setEncoding('latin1').on('data', (text: string) => void received.push(text));
    await vi.waitUntil(() => stream()['duplex'] === 'auto', { timeout: 60_000 });
    expect([stream()['spoolBytes'], spool.gauges.streams]).toEqual([0, 0]);
    const { spooledBytes } = spool.gauges;
    const before = Number(stream()['receivedBytes']);
    await vi.waitUntil(() => Number(stream()['receivedBytes']) > before + 20_000_000, { timeout: 60_000 });
    expect(spool.gauges.spooledBytes).toBe(spooledBytes);

    enough.abort();
    const count = await sending;
    await once(response, 'end');
    const lines = received.join('').split('\n');
    expect(lines.length).toBe(count + 1);
    expect(
      lines.findIndex((text, key) => key < count && text !== `${line(key).slice(0, -2)},"answer":{"found":"${key}"}}`),
    ).toBe(-1);
    await streams.empty();
  },
);

test.each(['auto', 'half'])(
  'a client of HTTP/2 sends 30 MB and then reads all of the response, with duplex=%s',
  async (duplex) => {
    const { url, streams, spool } = await start({ queues: procQueues() });
    const client = sessionTo({ url });
    const path = `/v1/enrich/test?duplex=${duplex}`;
    const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/x-ndjson' });
    for (let key = 0; key < 480; key++) stream.write(`{"key":"${key}","pad":"${'p'.repeat(65_536)}"}\n`);
    stream.end();
    await once(stream, 'finish');
    const keys: string[] = [];
    for await (const output of createInterface({ input: stream })) {
      expect(output.length).toBeGreaterThan(65_536);
      keys.push(/"found":"(\d+)"/.exec(output)?.[1] ?? '');
    }
    expect(keys).toEqual(Array.from({ length: 480 }, (_, key) => String(key)));
    expect(spool.gauges.spooledBytes).toBeGreaterThan(10_000_000);
    await streams.empty();
  },
);
