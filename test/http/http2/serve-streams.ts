import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { BodyMemory, ConnectionReads } from '../../../src/http/http2/body-memory.ts';

/** A server of Node.js whose streams have the memory of the service; answers each with 200 and calls `began`. */
export async function serveStreams(
  began: (stream: ServerHttp2Stream, memory: BodyMemory) => void,
  windowBytes = 65_535,
): Promise<number> {
  const server = createServer({ settings: { initialWindowSize: windowBytes } });
  server.on('session', (session) => {
    const reads = new ConnectionReads();
    session.setLocalWindowSize(16 * 1024 * 1024);
    session.on('stream', (stream) => {
      const memory = BodyMemory.begin(stream, reads);
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      began(stream, memory);
    });
    onTestFinished(() => session.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

export function clientOf(port: number, windowBytes = 65_535): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: windowBytes } });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(16 * 1024 * 1024));
  onTestFinished(() => session.destroy());
  return session;
}

/** Bytes that are different at each place within 64 KiB. */
export function patterned(bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4)).map((_, index) => index * 2_654_435_761);
  return Buffer.from(words.buffer, 0, bytes);
}
