import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { EncodeBuffers } from '../../../src/http/stream/encode-buffers.ts';
import { TextWriter } from '../../../src/http/stream/text-writer.ts';
import { listen } from '../start.ts';

const large = 128 * 1024;

test('a buffer holds a text of the greatest length whatever it consists of', () => {
  const buffers = new EncodeBuffers();
  const text = '\uFFFF'.repeat(large);
  expect(buffers.take(large)?.write(text)).toBe(Buffer.byteLength(text));
});

test('a text that is too short or too long gets no buffer', () => {
  const buffers = new EncodeBuffers();
  expect([buffers.take(100), buffers.take(large + 1)]).toEqual([undefined, undefined]);
});

test('there are sixteen buffers, and a returned buffer is used again', () => {
  const buffers = new EncodeBuffers();
  const taken = Array.from({ length: 16 }, () => buffers.take(large));
  expect(new Set(taken).size).toBe(16);
  expect(taken).not.toContain(undefined);
  expect(buffers.take(large)).toBeUndefined();
  const [first] = taken;
  if (first !== undefined) buffers.give(first);
  expect(buffers.take(large)).toBe(first);
});

/** A response of a real server, and what its client has received. */
async function answering(): Promise<{ response: ServerResponse; whole: Promise<string>; leave: () => void }> {
  const server = createServer();
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = httpRequest({ host: '127.0.0.1', port });
  request.on('error', () => {});
  request.end();
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  response.flushHeaders();
  const [incoming] = await once(request, 'response');
  let text = '';
  incoming.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const whole = new Promise<string>((resolve) => {
    incoming.on('end', () => resolve(text));
    incoming.on('error', () => resolve(text));
  });
  return { response, whole, leave: () => void request.destroy() };
}

test('a text arrives unchanged, its length is returned in bytes, and its buffer is free again', async () => {
  const { response, whole } = await answering();
  const buffers = new EncodeBuffers();
  const writer = new TextWriter(response, buffers);
  const texts = Array.from({ length: 40 }, (_, index) => `${index}: ${'aé€𝄞'.repeat(index * 500)}\n`);
  for (const text of texts) {
    expect(writer.write(text)).toBe(Buffer.byteLength(text));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const closed = once(response, 'close');
  response.end();
  expect(await whole).toBe(texts.join(''));
  await closed;
  expect(new Set(Array.from({ length: 16 }, () => buffers.take(large))).size).toBe(16);
});

test('the buffers of a client that has left are free again too', async () => {
  const { response, leave } = await answering();
  const buffers = new EncodeBuffers();
  const writer = new TextWriter(response, buffers);
  for (let count = 0; count < 20; count++) writer.write('x'.repeat(large));
  expect(buffers.take(large)).toBeUndefined();
  leave();
  await once(response, 'close');
  expect(buffers.take(large)).toBeDefined();
});
