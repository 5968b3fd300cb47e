import { http2StreamOf, socketOf } from '../http2/http2-request.ts';
import { Http1Transport, type Http1Options } from './http1-transport.ts';
import { Http2Transport } from './http2-transport.ts';
import type { Transport } from './transport.ts';

/** The transport of one request and its response, by its version of HTTP. Codecs and a spool wrap it. */
export function streamTransport(options: Http1Options): Transport {
  const { request, response, stalls } = options;
  const stream = http2StreamOf(request);
  if (stream === undefined) return new Http1Transport(options);
  return new Http2Transport({ stream, response, socket: socketOf(request), stalls });
}
