import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { numberOf, textOf, work } from '../worker.ts';

/**
 * POSTs a file `times` times as one stream and reads the response to its end. It parses no line: the trailers say how many
 * records were read and written, and whether the stream is complete.
 */
const chunkBytes = 64 * 1024;
const bodies = new Map<string, Buffer>();

function bodyOf(file: string): Buffer {
  let body = bodies.get(file);
  if (body === undefined) bodies.set(file, (body = readFileSync(file)));
  return body;
}

work(async (order) => {
  const body = bodyOf(textOf(order, 'file'));
  const times = numberOf(order, 'times');
  const started = performance.now();
  const outgoing = request(textOf(order, 'url'), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const response = new Promise<{ bytesOut: number; trailers: NodeJS.Dict<string> }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      if (incoming.statusCode !== 200) reject(new Error(`the stream got the status ${incoming.statusCode}`));
      let bytesOut = 0;
      incoming.on('data', (chunk: Buffer) => (bytesOut += chunk.length));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ bytesOut, trailers: incoming.trailers }));
    });
  });
  const sent = send(outgoing, body, times);
  const [{ bytesOut, trailers }] = await Promise.all([response, sent]);
  return {
    elapsedMs: performance.now() - started,
    bytesIn: body.length * times,
    bytesOut,
    records: Number(trailers['millrace-read'] ?? Number.NaN),
    written: Number(trailers['millrace-written'] ?? Number.NaN),
    errors: Number(trailers['millrace-errors'] ?? Number.NaN),
  };
});

async function send(outgoing: ReturnType<typeof request>, body: Buffer, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (let at = 0; at < body.length; at += chunkBytes) {
      if (!outgoing.write(body.subarray(at, at + chunkBytes))) await once(outgoing, 'drain');
    }
  }
  outgoing.end();
}
