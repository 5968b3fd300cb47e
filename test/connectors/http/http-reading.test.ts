import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readingConnector } from '../../../src/connectors/http/http-reading.ts';
import { openHttp, tcpEnd } from './far-end.ts';

/** Both ends of a connection of its own. */
async function connected(): Promise<{ near: Socket; far: Socket }> {
  const { origin, sockets } = await tcpEnd(() => {});
  const { protocol, host, hostname, port } = new URL(origin);
  const connect = readingConnector({ origin, http2: false, tls: {} });
  const near = await new Promise<Socket>((resolve, reject) => {
    connect({ protocol, host, hostname, port }, (...outcome) =>
      outcome[0] === null ? resolve(outcome[1]) : reject(outcome[0]),
    );
  });
  while (sockets[0] === undefined) await turn();
  return { near, far: sockets[0] };
}

function readAll(socket: Socket): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk: unknown = socket.read(); chunk instanceof Buffer; chunk = socket.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('answers that arrive in pieces on several connections at the same time stay apart', async () => {
  const waiting = new Map<string, Socket>();
  const { origin } = await tcpEnd((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => waiting.set(/\/(\w+) /.exec(bytes.toString())?.[1] ?? '', socket));
  });
  const { ask } = await openHttp({ url: `${origin}/{name}` });
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
  for (const size of [1, 7, 40]) {
    waiting.clear();
    const answers = Promise.all(names.map((name) => ask({ name })));
    while (waiting.size < names.length) await turn();
    const whole = new Map(
      names.map((name, index) => {
        const body = JSON.stringify({ name, of: String(index).repeat(60) });
        return [name, `HTTP/1.1 200 OK\r\nx-name: ${name}\r\ncontent-length: ${body.length}\r\n\r\n${body}`];
      }),
    );
    for (let at = 0; at < 200; at += size) {
      for (const [name, text] of whole) if (at < text.length) waiting.get(name)?.write(text.slice(at, at + size));
      await turn();
    }
    expect((await answers).map(({ json }) => JSON.parse(json ?? 'null').name)).toEqual(names);
  }
});

test('an answer of more bytes than one read is complete', async () => {
  const body = JSON.stringify(Array.from({ length: 60_000 }, (_, index) => index));
  const { origin } = await tcpEnd((socket) =>
    socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)),
  );
  const { ask } = await openHttp({ url: `${origin}/` });
  expect((await ask()).json).toBe(body);
  expect((await ask()).json).toBe(body);
});

test('bytes that are not read at once are kept in their order, and the end comes after them', async () => {
  const { near, far } = await connected();
  const sent = Buffer.alloc(200_000, 'abcdefg');
  far.write(sent.subarray(0, 10));
  while (near.readableLength < 10) await turn();
  far.end(sent.subarray(10));
  let received = readAll(near);
  while (received.length < sent.length) {
    await turn();
    received = Buffer.concat([received, readAll(near)]);
  }
  expect(received.equals(sent)).toBe(true);
  const ended = once(near, 'end');
  near.read();
  await ended;
});

test('bytes that are put back are read first', async () => {
  const { near, far } = await connected();
  const taken = new Promise((resolve) => near.once('readable', () => resolve(near.read())));
  far.write('one');
  near.unshift(await taken);
  far.write('two');
  let received = '';
  while (received.length < 6) {
    await turn();
    received += readAll(near).toString();
  }
  expect(received).toBe('onetwo');
});
