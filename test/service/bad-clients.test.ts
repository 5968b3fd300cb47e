import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { WireClient } from '../http/wire-client.ts';
import { type Serving, serve } from './serving.ts';

const clients = 1000;
const rows = 'id,name\n1,one\n2,two\n';
const line = (n: number): string => `{"n":${n},"key":"${1 + (n % 2)}"}\n`;
const bomb = gzipSync(Buffer.alloc(20_000_000));
const large = `{"key":"1","more":"${'x'.repeat(10_000)}"}\n`.repeat(10);

/** What a bad client does with its connection. All of them are gone by themselves, or are ended by the service. */
const kinds: readonly ((client: WireClient) => void)[] = [
  // A head that never ends.
  (client) => client.write('POST /v1/enrich/test HTTP/1.1\r\nHost: lo'),
  // A body that never goes on.
  (client) => {
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.chunk('{"key":');
  },
  // A reader that reads nothing.
  (client) => {
    client.socket.pause();
    client.head('/v1/enrich/test?duplex=full', 'Transfer-Encoding: chunked');
    client.chunk(large);
  },
  // A half-close in the middle of the body.
  (client) => {
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.socket.end('5\r\n{"ke');
  },
  // A close, as soon as the first records are sent.
  (client) => {
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.chunk(line(1).repeat(100));
    client.socket.destroySoon();
  },
  // A reset in the middle of the body.
  (client) => {
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.socket.write('ffff\r\n{"key":"1"}\n', () => client.socket.resetAndDestroy());
  },
  // A bomb.
  (client) => {
    client.head('/v1/enrich/test', 'Content-Encoding: gzip', `Content-Length: ${bomb.length}`);
    client.write(bomb);
  },
];

const openFiles = ({ child }: Serving): number => readdirSync(`/proc/${child.pid}/fd`).length;

/** Sends records until `enough`, one block after the other, and reads all of them. Returns how many were sent. */
async function healthy(port: number, enough: () => boolean): Promise<number> {
  const client = await WireClient.open(port);
  onTestFinished(() => void client.socket.destroy());
  client.keepChars = 10_000;
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  let sent = 0;
  for (; !enough() || sent === 0; sent += 100) {
    client.chunk(Array.from({ length: 100 }, (_, at) => line(sent + at)).join(''));
    await client.until(`{"n":${sent + 99},`);
    // Without a pause this test would take a core from the service and from all other clients.
    await wait(20);
  }
  client.write('0\r\n\r\n');
  await client.until('Millrace-Errors: 0\r\n');
  expect(client.received).toContain('Millrace-Status: complete\r\n');
  expect(client.received).toContain(`Millrace-Read: ${sent}\r\n`);
  expect(client.received).toContain(`Millrace-Written: ${sent}\r\n`);
  // An idle connection would be closed by the service a minute later: an open file more.
  client.socket.destroy();
  return sent;
}

test('1,000 bad clients at once end no other stream, and leave no stream, no file and no memory', async () => {
  const serving = await serve({
    'millrace.yaml': `
server: { limits: { headersTimeout: 2s, idleTimeout: 2s, stallTimeout: 2s, streams: 2000, connections: 2000 } }
lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ] } }`,
    'rows.csv': rows,
  });
  const { port, admin } = serving;
  await healthy(port, () => true);
  // Opens the connection to the admin listener that stays open.
  await admin.state();
  const filesBefore = openFiles(serving);

  let bad = clients;
  const gone = new Set<Socket>();
  const stream = healthy(port, () => bad === 0);
  const opened = await Promise.all(Array.from({ length: clients }, () => WireClient.open(port)));
  for (const [at, client] of opened.entries()) {
    client.keepChars = 1000;
    client.socket.once('close', () => {
      gone.add(client.socket);
      bad = clients - gone.size;
    });
    client.socket.once('end', () => client.socket.destroy());
    kinds[at % kinds.length]?.(client);
  }
  // A paused socket does not see that it was reset before it reads again.
  const paused = opened.filter((_, at) => at % kinds.length === 2);
  while ((await admin.state()).streams.length > 1) await wait(200);
  for (const { socket } of paused) socket.resume();
  expect(await stream).toBeGreaterThan(100);
  expect(gone.size).toBe(clients);
  expect((await admin.state()).streams).toEqual([]);
  while (openFiles(serving) > filesBefore) await wait(50);
  expect(serving.peakBytes() ?? 0).toBeLessThan(400_000_000);
}, 120_000);
