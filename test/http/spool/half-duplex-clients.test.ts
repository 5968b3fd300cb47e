import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { procQueues } from '../../../src/http/connection/kernel-queues.ts';
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
  // The kernel holds up to 10 MB.
  expect(spool.gauges.spooledBytes).toBeGreaterThan(20_000_000);
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
