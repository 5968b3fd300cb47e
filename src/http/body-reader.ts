import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { RequestError } from '../core/errors.ts';

/**
 * Reads a whole body as text, for requests that are one record.
 * Rejects with `body_too_large` as soon as there are more than `maxBytes`, with `bad_body` where it ends early, is
 * empty or is no UTF-8.
 */
export async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const body = await readBytes(request, maxBytes);
  if (!isUtf8(body)) throw new RequestError('bad_body', 'the body is not UTF-8');
  const text = body.toString('utf8').replace(/^\ufeff/, '');
  if (text.trim() === '') throw new RequestError('bad_body', 'the body is empty; one JSON object is needed');
  return text;
}

function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (error?: RequestError): void => {
      request.off('data', take).off('end', settle).off('close', close).off('error', close);
      // What still comes is thrown away, so that the refusal is not lost behind it.
      request.resume();
      if (error === undefined) resolve(Buffer.concat(chunks, bytes));
      else reject(error);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.byteLength;
      if (bytes > maxBytes)
        settle(new RequestError('body_too_large', `the body has more than ${maxBytes} bytes`, { maxBytes }));
      else chunks.push(chunk);
    };
    const close = (): void => settle(new RequestError('bad_body', 'the body ended before it was complete'));
    request
      .on('data', take)
      .once('end', () => settle())
      .once('close', close)
      .once('error', close);
  });
}
