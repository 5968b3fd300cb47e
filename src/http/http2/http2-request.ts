import type { IncomingMessage } from 'node:http';
import { type Http2Session, Http2ServerRequest, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

/*
 * The routes get every request as one of HTTP/1.1. Over HTTP/2 it is a request of Node's compatibility layer, which has
 * the same members, except for those that these functions read.
 */

const sockets = new WeakMap<Http2Session, Socket>();

/** Remembers the socket of a session, which Node.js shows only through a proxy. */
export function noteSocket(session: Http2Session, socket: Socket): void {
  sockets.set(session, socket);
}

/** The HTTP/2 stream of a request; undefined for a request of HTTP/1. */
export function http2StreamOf(request: IncomingMessage): ServerHttp2Stream | undefined {
  const raw: unknown = request;
  return raw instanceof Http2ServerRequest ? raw.stream : undefined;
}

/**
 * The socket that carries a request: with TLS, the encrypted one. Over HTTP/2 all streams of the connection share it, so
 * the code that ends one of them must not close it. Undefined if the connection of an HTTP/2 stream has ended.
 */
export function socketOf(request: IncomingMessage): Socket | undefined {
  const stream = http2StreamOf(request);
  if (stream === undefined) return request.socket;
  return stream.session === undefined ? undefined : sockets.get(stream.session);
}

/** The version of HTTP that a request has, as people write it: 1.0, 1.1 or 2. */
export function httpVersionOf({ httpVersion }: IncomingMessage): string {
  return httpVersion === '2.0' ? '2' : httpVersion;
}

/** The host that the head of a request names: `:authority` over HTTP/2 (RFC 9113, section 8.3.1), otherwise `Host`. */
export function namedHost({ headers }: IncomingMessage): string | undefined {
  const authority = headers[':authority'];
  return typeof authority === 'string' ? authority : headers.host;
}
