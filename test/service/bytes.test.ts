import { createServer } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { WireClient } from '../http/wire-client.ts';
import { inLine, jsonSource } from '../wire/json/json-source.ts';
import { type InProcess, startInProcess } from './in-process.ts';

const odd = '{"a":1.0,"b":12345678901234567890,"c":1e400,"b":2,"\\u0061x":"é"}';

/** Answers with the argument of the call: every third call at once, the others later, in reverse order. */
async function reversing(): Promise<number> {
  const waiting: (() => void)[] = [];
  let calls = 0;
  const server = createServer((request, response) => {
    const answer = (): void => void response.end(`{"asked":"${request.url?.slice(1)}","n":1.0}`);
    calls += 1;
    if (calls % 3 === 0) return answer();
    waiting.push(answer);
    setImmediate(() => waiting.pop()?.());
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return port;
}

async function service(): Promise<InProcess> {
  const url = `http://127.0.0.1:${await reversing()}/{id}`;
  return startInProcess(
    { far: { http: { url } } },
    { enrich: [{ lookup: 'far', with: { id: '/id' }, into: '/answer' }] },
  );
}

const member = (id: number): string => `"answer":{"asked":"${id}","n":1.0}`;

/** The generated object with an `id` as its first member, otherwise unchanged. */
function numbered(line: string, id: number): string {
  const open = line.indexOf('{') + 1;
  const empty = line.slice(open).trim() === '}';
  return `${line.slice(0, open)}"id":${id}${empty ? '' : ','}${line.slice(open)}`;
}

/** The expected result: the same line with the new member before its last brace. */
function answered(line: string, id: number): string {
  const close = line.lastIndexOf('}');
  return `${line.slice(0, close)},${member(id)}${line.slice(close)}`;
}

/** Sends the bytes in chunks of these sizes, each with a write of its own; returns the body of the response. */
async function sentInChunks(port: number, bytes: Buffer, sizes: readonly number[], mode: string): Promise<string> {
  const client = await WireClient.open(port);
  client.socket.setNoDelay();
  client.head(`/v1/enrich/test?mode=${mode}`, 'Transfer-Encoding: chunked');
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    const piece = bytes.subarray(at, end);
    client.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
    at = end;
    // Half of the chunks reach the service separately.
    if (turn % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  client.socket.destroy();
  return unchunked(Buffer.from(client.received, 'latin1'));
}

function unchunked(response: Buffer): string {
  const pieces: Buffer[] = [];
  let at = response.indexOf('\r\n\r\n') + 4;
  for (;;) {
    const end = response.indexOf('\r\n', at);
    const size = Number.parseInt(response.toString('latin1', at, end), 16);
    if (size === 0) return Buffer.concat(pieces).toString('utf8');
    pieces.push(response.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

const linesPerRun = 250;
const { object } = jsonSource(inLine);
const chunkSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })), {
  minLength: 1,
  maxLength: 20,
});

const inOrderOf = (mode: string, lines: readonly string[]): readonly string[] =>
  mode === 'ordered' ? lines : lines.toSorted();

describe.each(['ordered', 'unordered'])('%s, over HTTP', (mode) => {
  test('a line that a parser would write differently is returned unchanged, with the answer added', async () => {
    const { enrich } = await service();
    const line = `{"id":7,${odd.slice(1)}`;
    expect(await enrich(`${line}\n`, `?mode=${mode}`)).toBe(`${line.slice(0, -1)},${member(7)}}\n`);
  });

  test('10,000 generated lines are returned byte for byte with the answer added, each once, for any chunks', async () => {
    const { port } = await service();
    await fc.assert(
      fc.asyncProperty(fc.integer(), chunkSizes, async (seed, sizes) => {
        const sent = fc.sample(object, { seed, numRuns: linesPerRun }).map((line, id) => numbered(line, id));
        const got = (await sentInChunks(port, Buffer.from(`${sent.join('\n')}\n`), sizes, mode)).split('\n');
        expect(got.pop()).toBe('');
        expect(inOrderOf(mode, got)).toEqual(
          inOrderOf(
            mode,
            sent.map((line, id) => answered(line, id)),
          ),
        );
      }),
      { numRuns: 10_000 / linesPerRun },
    );
  }, 60_000);
});
