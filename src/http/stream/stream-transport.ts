import type { Duplex } from '../../core/vocabulary.ts';
import { http2StreamOf, socketOf } from '../http2/http2-request.ts';
import type { SpoolSpace } from '../spool/spool-space.ts';
import { SpoolTransport } from '../spool/spool-transport.ts';
import { Http1Transport, type Http1Options } from './http1-transport.ts';
import { Http2Transport } from './http2-transport.ts';
import type { Transport } from './transport.ts';

/** The transport of one request and its response, with a spool unless the client reads while it sends. Codecs wrap it. */
export function streamTransport(options: Http1Options, duplex: Duplex, spool: SpoolSpace): Transport {
  const http = httpTransport(options);
  return duplex === 'full' ? http : new SpoolTransport(http, duplex, spool);
}

function httpTransport(options: Http1Options): Transport {
  const { request, response, stalls } = options;
  const stream = http2StreamOf(request);
  if (stream === undefined) return new Http1Transport(options);
  return new Http2Transport({ stream, response, socket: socketOf(request), stalls });
}
