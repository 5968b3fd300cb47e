import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { numberOf, textOf, work } from '../worker.ts';

/** As `load-client`, over HTTP/2: POSTs a file `times` times as one stream on a connection of its own. */
const chunkBytes = 64 * 1024;
/** As curl, roughly: it grants more than the 64 KiB of Node.js. */
const windowBytes = 1024 * 1024;
const bodies = new Map<string, Buffer>();

function bodyOf(file: string): Buffer {
  let body = bodies.get(file);
  if (body === undefined) bodies.set(file, (body = readFileSync(file)));
  return body;
}

work(async (order) => {
  const body = bodyOf(textOf(order, 'file'));
  const times = numberOf(order, 'times');
  const { ca } = order;
  const { origin, pathname } = new URL(textOf(order, 'url'));
  const started = performance.now();
  const trusted = ca === undefined ? {} : { ca: bodyOf(String(ca)) };
  const session = connect(origin, { ...trusted, settings: { initialWindowSize: windowBytes } });
  session.once('connect', () => session.setLocalWindowSize(windowBytes));
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': pathname,
      'content-type': 'application/x-ndjson',
    });
    let bytesOut = 0;
    let trailers: IncomingHttpHeaders = {};
    stream.on('data', (chunk: Buffer) => (bytesOut += chunk.length));
    stream.on('trailers', (fields) => (trailers = fields));
    await Promise.all([once(stream, 'end'), send(stream, body, times)]);
    return {
      elapsedMs: performance.now() - started,
      bytesIn: body.length * times,
      bytesOut,
      records: Number(trailers['millrace-read'] ?? Number.NaN),
      written: Number(trailers['millrace-written'] ?? Number.NaN),
      errors: Number(trailers['millrace-errors'] ?? Number.NaN),
    };
  } finally {
    session.destroy();
  }
});

async function send(outgoing: ClientHttp2Stream, body: Buffer, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (let at = 0; at < body.length; at += chunkBytes) {
      if (!outgoing.write(body.subarray(at, at + chunkBytes))) await once(outgoing, 'drain');
    }
  }
  outgoing.end();
}
