import { Http1Transport, type Http1Options } from './http1-transport.ts';
import type { Transport } from './transport.ts';

/** The transport of one request and its response. Codecs and a spool wrap it. */
export function streamTransport(options: Http1Options): Transport {
  return new Http1Transport(options);
}
