import { type IncomingMessage, maxHeaderSize } from 'node:http';
import { RequestError } from '../../core/errors.ts';
import { http2StreamOf, namedHost } from '../http2/http2-request.ts';

/** Why the head of a request is refused on every route; undefined if it is not. */
export function headProblem(request: IncomingMessage): RequestError | undefined {
  if (http2StreamOf(request) !== undefined) return http2HeadProblem(request);
  return hostProblem(request) ?? transferEncodingProblem(request);
}

/** What Node's parser of HTTP/1 refuses, and its HTTP/2 does not. */
function http2HeadProblem(request: IncomingMessage): RequestError | undefined {
  const { headers, rawHeaders } = request;
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length, 0);
  if (bytes > maxHeaderSize) {
    const fault = `the head of the request has ${bytes} bytes; send ${maxHeaderSize} at most`;
    return new RequestError('bad_request', fault, { status: 431 });
  }
  const host = namedHost(request);
  if (host === undefined) return new RequestError('bad_request', 'the request has no :authority and no Host field');
  if (headers.host === undefined || headers.host === host) return undefined;
  // RFC 9113, section 8.3.1. A proxy may check the other one of the two.
  return new RequestError('bad_request', 'the request has a Host field that differs from its :authority; send one');
}

/** RFC 9110, section 5.3: only a field that is a list may come twice. A proxy may check the other one of two. */
export function authorizationProblem({ rawHeaders }: IncomingMessage): RequestError | undefined {
  const fields = rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'authorization').length;
  if (fields < 2) return undefined;
  return new RequestError('bad_request', `the request has ${fields} Authorization fields; send one`);
}

/** RFC 9112, section 3.2: a request of HTTP/1.1 has exactly one Host, and one of HTTP/1.0 has at most one. */
function hostProblem({ headersDistinct, httpVersion }: IncomingMessage): RequestError | undefined {
  const hosts = headersDistinct['host']?.length ?? 0;
  if (hosts > 1) return new RequestError('bad_request', `the request has ${hosts} Host fields; send one`);
  if (hosts === 1 || httpVersion !== '1.1') return undefined;
  return new RequestError('bad_request', 'the request has no Host field, which HTTP/1.1 requires');
}

/** RFC 9112, section 6.1: with a coding other than chunked, the bytes on the connection are not the body. */
function transferEncodingProblem({ headers }: IncomingMessage): RequestError | undefined {
  const codings = headers['transfer-encoding']?.trim().toLowerCase();
  if (codings === undefined || codings === 'chunked') return undefined;
  return new RequestError('unsupported_transfer_encoding', `Transfer-Encoding is ${codings}; only chunked is read`, {
    read: ['chunked'],
  });
}
