import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { spoolMemory } from '../clients/large/spool-memory.ts';
import { listen } from '../http/start.ts';
import { type Built, build } from './built.ts';
import { type Serving, serve } from './serving.ts';

const limitBytes = 150_000_000;
const blockLines = 100;
const capacity = 100;

let built: Built;
beforeAll(() => {
  built = build();
}, 120_000);
afterAll(() => built.remove());

/** A body of lines that all differ; each is made when it is sent. */
class Lines {
  readonly count: number;
  readonly #filler: string;
  readonly #answer: (key: number) => string;

  constructor(bodyBytes: number, lineBytes: number, answer: (key: number) => string) {
    this.#filler = 'x'.repeat(lineBytes - 30);
    this.count = Math.ceil(bodyBytes / lineBytes);
    this.#answer = answer;
  }

  /** Sends all lines, as fast as the service reads them. */
  async send(request: ClientRequest): Promise<void> {
    for (const block of this.#blocks((key, n) => `{"key":${key},"n":${n},"more":"${this.#filler}"}\n`)) {
      if (!request.write(block)) await once(request, 'drain');
    }
    request.end();
  }

  /** The hash of the expected response. */
  digest(): string {
    const hash = createHash('sha256');
    const line = (key: number, n: number): string =>
      `{"key":${key},"n":${n},"more":"${this.#filler}","answer":${this.#answer(key)}}\n`;
    for (const block of this.#blocks(line)) hash.update(block);
    return hash.digest('hex');
  }

  *#blocks(line: (key: number, n: number) => string): Generator<string> {
    for (let from = 0; from < this.count; from += blockLines) {
      const lines = Array.from({ length: Math.min(blockLines, this.count - from) }, (_, at) => from + at);
      yield lines.map((n) => line(n % 1000, n)).join('');
    }
  }
}

/** A stream to the pipeline `lines` whose response has begun. */
async function opened({ url }: Serving): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const request = httpRequest(`${url}/v1/enrich/lines`, { method: 'POST' });
  onTestFinished(() => void request.destroy());
  request.on('error', () => {});
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { request, response };
}

async function digestOf(response: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  response.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(response, 'end');
  expect(response.trailers['millrace-status']).toBe('complete');
  return hash.digest('hex');
}

test('210 MB to a client that pauses: the body is not read meanwhile, every line arrives, and memory stays below 150 MB', async () => {
  let running = 0;
  let mostRunning = 0;
  const far = createServer((request, response) => {
    mostRunning = Math.max(mostRunning, ++running);
    response.once('close', () => running--);
    setImmediate(() => response.end(`{"found":"${request.url}"}`));
  });
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const serving = await serve(
    {
      'millrace.yaml': `
lookups: { far: { http: { url: "http://127.0.0.1:${port}/{key}" } } }
pipelines: { lines: { capacity: ${capacity}, enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
    },
    built.main,
  );
  const lines = new Lines(210_000_000, 4000, (key) => `{"found":"/${key}"}`);
  const { request, response } = await opened(serving);
  const sent = lines.send(request);

  // Stalled: no byte moves between two checks.
  let before = -1;
  let receivedBytes = 0;
  while (receivedBytes === 0 || receivedBytes !== before) {
    before = receivedBytes;
    const [stream] = (await serving.admin.state()).streams;
    expect(Number(stream?.['inFlight']) + Number(stream?.['completedWaiting'])).toBeLessThanOrEqual(capacity);
    if (stream?.['backpressure'] === 'slow_reader') receivedBytes = Number(stream['receivedBytes']);
  }
  expect(await serving.admin.metric('millrace_in_flight')).toBeLessThanOrEqual(capacity);
  // Of 210 MB: as much as the kernel holds of the response, and the records in 100 slots.
  expect(receivedBytes).toBeLessThan(20_000_000);

  const [digest] = await Promise.all([digestOf(response), sent]);
  expect(digest).toBe(lines.digest());
  expect(mostRunning).toBeLessThanOrEqual(capacity);
  expect(await serving.admin.metric('millrace_in_flight')).toBe(0);
  expect(serving.peakBytes() ?? 0).toBeLessThan(limitBytes);
}, 120_000);

const row = (key: number): string => `{"key":${key},"name":"row ${key}"}`;
const table = {
  'millrace.yaml': `
lookups: { rows: { table: { file: rows.ndjson, key: key } } }
pipelines: { lines: { enrich: [ { lookup: rows, with: { key: /key }, into: /answer } ] } }`,
  'rows.ndjson': Array.from({ length: 1000 }, (_, key) => row(key)).join('\n'),
};

test('500 MB through a table to a client that reads at once: memory stays below 150 MB', async () => {
  const serving = await serve(table, built.main);
  const lines = new Lines(500_000_000, 200, row);
  const { request, response } = await opened(serving);
  const [digest] = await Promise.all([digestOf(response), lines.send(request)]);
  expect(digest).toBe(lines.digest());
  expect(serving.peakBytes() ?? 0).toBeLessThan(limitBytes);
}, 120_000);

test('200 MB to a client that reads after it has sent everything: 4 MB of them are in memory at the most, and memory stays below 150 MB', async () => {
  const { client, spooledBytes, heldBytes, peakBytes } = await spoolMemory(built.main, 200_000_000, 50);
  expect(client).toMatch(/^complete /);
  // The kernel holds up to 10 MB in each direction.
  expect(spooledBytes).toBeGreaterThan(170_000_000);
  expect(heldBytes).toBeLessThan(4_000_000);
  expect(peakBytes).toBeLessThan(limitBytes);
}, 240_000);

test('a line of 500 MB is skipped, and memory stays below 150 MB', async () => {
  const serving = await serve(table, built.main);
  const { request, response } = await opened(serving);
  const received = text(response);
  const part = Buffer.alloc(64 * 1024, 'x');
  for (let sentBytes = 0; sentBytes < 500_000_000; sentBytes += part.length) {
    if (!request.write(part)) await once(request, 'drain');
  }
  request.end('\n{"key":7}\n');
  const [bad = '', good = '', ...others] = (await received).split('\n');
  expect(JSON.parse(bad)).toMatchObject({ _error: { code: 'line_too_long', line: 1 } });
  expect(JSON.parse(good)).toEqual({ key: 7, answer: JSON.parse(row(7)) });
  expect(others).toEqual(['']);
  expect(response.trailers['millrace-status']).toBe('complete');
  expect(serving.peakBytes() ?? 0).toBeLessThan(limitBytes);
}, 120_000);
