import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { Readable } from 'node:stream';
import { sharedSession } from './shared-session.ts';
import { speaksHttp2 } from './spoken.ts';

/** `fetch`, in the version of HTTP that this process speaks. Over HTTP/2 it decodes nothing and follows no redirect. */
export async function fetch(url: string, init: RequestInit = {}): Promise<Response> {
  if (!speaksHttp2()) return globalThis.fetch(url, init);
  try {
    return await fetchHttp2(url, init);
  } catch (error) {
    // GOAWAY came while the request was on its way: the service has not taken it (RFC 9113, section 8.7).
    if (error instanceof RefusedStream) return fetchHttp2(url, init);
    throw error;
  }
}

class RefusedStream extends TypeError {}

async function fetchHttp2(url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> {
  const { pathname, search } = new URL(url);
  const fields = new Headers(headers);
  if (typeof body === 'string' && !fields.has('content-type')) fields.set('content-type', 'text/plain;charset=UTF-8');
  if (!fields.has('accept')) fields.set('accept', '*/*');
  const whole = typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body as string) : undefined;
  if (whole !== undefined) fields.set('content-length', String(whole.byteLength));
  const stream = sharedSession(url).request(
    { ...Object.fromEntries(fields), ':method': method, ':path': pathname + search },
    { endStream: body === undefined || body === null },
  );
  stream.on('error', () => {});
  signal?.addEventListener('abort', () => stream.destroy(signal.reason as Error), { once: true });
  if (whole !== undefined) stream.end(whole);
  else if (body instanceof ReadableStream) Readable.fromWeb(body).pipe(stream);
  const head = await headOf(stream);
  const status = Number(head[':status']);
  const answer = [204, 205, 304].includes(status) ? null : (Readable.toWeb(stream) as ReadableStream);
  return new Response(answer, { status, headers: responseHeaders(head) });
}

function headOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', (cause) => {
      const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      reject(new (refused ? RefusedStream : TypeError)('fetch failed', { cause }));
    });
    stream.once('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) reject(new TypeError('fetch failed'));
    });
  });
}

function responseHeaders(head: IncomingHttpHeaders): [string, string][] {
  return Object.entries(head).flatMap(([name, value]) =>
    name.startsWith(':') ? [] : [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
}
