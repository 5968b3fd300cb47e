import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
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
  const { token, ca, coding } = order;
  const headers = {
    'content-type': 'application/x-ndjson',
    ...(coding !== undefined && { 'content-encoding': String(coding), 'accept-encoding': String(coding) }),
    ...(token !== undefined && { authorization: `Bearer ${String(token)}` }),
  };
  const url = textOf(order, 'url');
  const trusted = ca === undefined ? {} : { ca: bodyOf(String(ca)) };
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  const outgoing = request(url, { ...trusted, method: 'POST', headers });
  const response = new Promise<{ bytesOut: number; trailers: NodeJS.Dict<string> }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      if (incoming.statusCode !== 200) reject(new Error(`the stream got the status ${incoming.statusCode}`));
      const sentAs = incoming.headers['content-encoding'];
      if (sentAs !== coding) reject(new Error(`the response has the coding ${sentAs}`));
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

async function send(outgoing: ClientRequest, body: Buffer, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (let at = 0; at < body.length; at += chunkBytes) {
      if (!outgoing.write(body.subarray(at, at + chunkBytes))) await once(outgoing, 'drain');
    }
  }
  outgoing.end();
}
