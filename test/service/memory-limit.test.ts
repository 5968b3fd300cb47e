import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { folderOf, type Serving, serveFolder } from './serving.ts';

const MiB = 1024 ** 2;
const clients = 50;
const linesEach = 3;
const filler = 'x'.repeat(1_000_000);

/** Sends lines of 1 MB as fast as the service reads them; returns the number of lines of the response, and its end. */
async function sendLines({ url }: Serving): Promise<string> {
  const request = httpRequest(`${url}/v1/enrich/lines`, { method: 'POST' });
  request.on('error', () => {});
  onTestFinished(() => void request.destroy());
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let lines = 0;
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
  });
  for (let key = 0; key < linesEach; key += 1) {
    if (!request.write(`{"key":${key},"more":"${filler}"}\n`)) await once(request, 'drain');
  }
  request.end();
  await once(response, 'end');
  const { 'millrace-status': status, 'millrace-errors': errors } = response.trailers;
  return `${lines} lines, ${Math.floor(bytes / 1_000_000)} MB, ${status}, ${errors} errors`;
}

test('50 clients with lines of 1 MB and a lookup that hangs: the heap of a 512 MiB container is enough, and all finish', async () => {
  const held: ServerResponse[] = [];
  let hangs = true;
  const far = createServer((_request, response) => void (hangs ? held.push(response) : response.end('{"found":1}')));
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const folder = folderOf({
    'millrace.yaml': `
lookups: { far: { http: { url: "http://127.0.0.1:${port}/{key}" }, timeout: 10m } }
pipelines: { lines: { timeout: 10m, enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
  });
  // The heap that V8 allows in a container of 512 MiB.
  const serving = await serveFolder(folder, undefined, undefined, { node: ['--max-old-space-size=256'] });
  const all = Promise.all(Array.from({ length: clients }, () => sendLines(serving)));

  // All lines of the first streams are in slots; the other streams wait.
  for (let waiting = 0; waiting < clients / 2;) {
    const { streams } = await serving.admin.state();
    waiting = streams.filter(({ backpressure }) => backpressure === 'memory').length;
  }
  expect(await serving.admin.metric('millrace_memory_held_bytes')).toBeGreaterThan(50 * MiB);
  expect(await serving.admin.metric('millrace_memory_limit_bytes')).toBeLessThan(80 * MiB);
  hangs = false;
  for (const response of held) response.end('{"found":1}');

  expect(new Set(await all)).toEqual(new Set([`${linesEach} lines, ${linesEach} MB, complete, 0 errors`]));
  expect(await serving.admin.metric('millrace_memory_held_bytes')).toBe(0);
  expect(await serving.admin.metric('millrace_backpressure_seconds_total')).toBeGreaterThan(0);
  expect(serving.peakBytes() ?? 0).toBeLessThan(512 * MiB);
}, 180_000);
