import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * A gateway from HTTP/1.1 to HTTP/2 in this process: tests that write and read HTTP/1.1 check a service that gets
 * HTTP/2, from the client of Node.js. Each connection to the gateway is one connection to the service, and both end
 * together. A stream that is reset ends the response without its last chunk, as a cut response of HTTP/1.1 does.
 */
export async function http2Gateway(url: string): Promise<number> {
  const sessions = new WeakMap<Socket, ClientHttp2Session>();
  const server = createServer({ requireHostHeader: false });
  server.on('connection', (socket: Socket) => {
    const session = connect(url, { maxSessionMemory: 1000 });
    sessions.set(socket, session);
    session.on('error', () => {});
    session.on('close', () => socket.destroySoon());
    socket.on('close', () => session.destroy());
    socket.on('error', () => {});
  });
  const forwarded = (request: IncomingMessage, response: ServerResponse): void =>
    forward(request, response, sessions.get(request.socket));
  server.on('request', forwarded).on('checkContinue', forwarded).on('checkExpectation', forwarded);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'proxy-connection', 'upgrade']);

function forward(request: IncomingMessage, response: ServerResponse, session: ClientHttp2Session | undefined): void {
  if (session === undefined || session.destroyed) return void request.socket.destroy();
  const headers: OutgoingHttpHeaders = {
    ':method': request.method,
    ':path': request.url,
    ':scheme': session.encrypted ? 'https' : 'http',
    ':authority': request.headers.host,
  };
  for (const [name, value] of Object.entries(request.headersDistinct)) {
    if (!ofConnection.has(name)) headers[name] = value;
  }
  const stream = session.request(headers, { endStream: false });
  stream.on('error', () => {});
  stream.on('continue', () => response.writeContinue());
  request.on('data', (chunk: Buffer) => {
    if (!stream.destroyed && !stream.write(chunk)) request.pause();
  });
  request.on('end', () => stream.end());
  stream.on('drain', () => request.resume());
  response.on('close', () => stream.close(8));
  answer(stream, request, response);
}

function answer(stream: ClientHttp2Stream, request: IncomingMessage, response: ServerResponse): void {
  let trailerNames: readonly string[] = [];
  let ended = false;
  stream.on('response', ({ ':status': status = 0, ...fields }) => {
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) response.setHeader(spelled(name), value);
    }
    trailerNames = String(fields['trailer'] ?? '').split(', ');
    response.writeHead(status);
    response.flushHeaders();
  });
  stream.on('trailers', (fields) => {
    for (const name of trailerNames) response.addTrailers({ [name]: String(fields[name.toLowerCase()]) });
  });
  stream.on('data', (chunk: Buffer) => {
    if (!response.write(chunk)) stream.pause();
  });
  response.on('drain', () => stream.resume());
  stream.on('end', () => {
    ended = !stream.aborted;
  });
  stream.on('close', () => {
    request.resume();
    if (ended && stream.rstCode === 0) response.end();
    else request.socket.destroySoon();
  });
}

function spelled(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
