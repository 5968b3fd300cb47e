import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { limitConnections } from '../../../src/http/connection/connections.ts';
import { drain } from '../../../src/http/connection/drain.ts';
import { speakTls } from '../spoken.ts';
import { enriched, records, start, type Started } from '../start.ts';
import { WireClient } from '../wire-client.ts';

speakTls();

/** The beginning of a ClientHello of 512 bytes. */
const halfHello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 1, 2, 3]);

/** Opens connections that send these bytes and then nothing. Resolves when the server has accepted all. */
async function halfWay({ port, app }: Started, count: number, bytes: Buffer): Promise<readonly Socket[]> {
  let accepted = 0;
  const all = Promise.withResolvers<void>();
  const note = (): void => {
    accepted += 1;
    if (accepted === count) all.resolve();
  };
  app.server.on('connection', note);
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    if (bytes.length > 0) socket.write(bytes);
    socket.resume();
    return socket;
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await all.promise;
  app.server.off('connection', note);
  return sockets;
}

const closed = (sockets: readonly Socket[]): Promise<unknown> =>
  Promise.all(
    sockets
      .filter((socket) => !socket.closed)
      .map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))),
  );

test.each([
  ['nothing', Buffer.alloc(0)],
  ['half a ClientHello', halfHello],
])('a handshake of which the client sends %s ends after headersTimeout', async (_, bytes) => {
  const clock = virtualClock();
  const started = await start({ clock, limits: { headersTimeout: '7s' } });
  const clients = await halfWay(started, 3, bytes);
  await clock.advance(6999);
  expect(started.failedHandshakes).toEqual([]);
  await clock.advance(1);
  await closed(clients);
  while (started.failedHandshakes.length < 3) await turn();
  expect(started.failedHandshakes.map(({ reason }) => reason)).toEqual(['timeout', 'timeout', 'timeout']);
  expect(clock.timers).toBe(0);
});

test('a client that sends its handshake byte by byte has no more time than any other', async () => {
  const clock = virtualClock();
  const started = await start({ clock, limits: { headersTimeout: '10s' } });
  const [client] = await halfWay(started, 1, halfHello);
  for (let second = 0; second < 10; second += 1) {
    client?.write(Buffer.from([second]));
    await clock.advance(1000);
  }
  await closed(client === undefined ? [] : [client]);
  expect(clock.timers).toBe(0);
});

test('no timer of the handshake is left on a connection that is served', async () => {
  const clock = virtualClock();
  const { port } = await start({ clock });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  // Longer than headersTimeout, but shorter than idleTimeout.
  await clock.advance(30_000);
  client.chunk(records(2));
  await client.until(enriched(2));
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  expect(clock.timers).toBe(0);
});

test('a client that closes its side, or leaves, before its handshake is complete leaves nothing', async () => {
  const clock = virtualClock();
  const started = await start({ clock });
  for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
    const clients = await halfWay(started, 20, halfHello);
    for (const client of clients) leave(client);
    await closed(clients);
    while (clock.timers > 0) await turn();
  }
  expect(new Set(started.failedHandshakes.map(({ reason }) => reason))).toEqual(new Set(['closed']));
  expect(started.failedHandshakes.length).toBe(40);
});

test('handshakes that are not complete count as idle connections: the oldest is closed for a client', async () => {
  const clock = virtualClock();
  const started = await start({ clock });
  const connections = limitConnections(started.app.server, { limit: 3, refusedAtOnce: 1, clock });
  const [oldest, ...others] = await halfWay(started, 3, halfHello);
  expect(connections).toMatchObject({ open: 3, idle: 3 });
  const client = await WireClient.open(started.port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk(records(1));
  await client.until(enriched(1));
  if (oldest !== undefined) await closed([oldest]);
  expect(others.every(({ destroyed }) => !destroyed)).toBe(true);
  expect(connections).toMatchObject({ open: 3, closedIdle: 1, refused: 0 });
});

test('over the limit without an idle connection a client gets 503 after its handshake, and a second one is closed', async () => {
  const clock = virtualClock();
  const started = await start({ clock });
  const connections = limitConnections(started.app.server, { limit: 1, refusedAtOnce: 1, clock });
  const busy = await WireClient.open(started.port);
  busy.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  busy.chunk(records(1));
  await busy.until(enriched(1));
  const [slow] = await halfWay(started, 1, halfHello);
  // The slow one is being refused. There is no room for the refusal of another one.
  await expect(WireClient.open(started.port)).rejects.toThrow(/ECONNRESET|disconnected before secure/);
  await clock.advance(5000);
  if (slow !== undefined) await closed([slow]);
  const refused = await WireClient.open(started.port);
  await refused.until('too_many_connections');
  expect(refused.received).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/);
  refused.socket.destroy();
  await refused.untilClosed();
  expect(connections).toMatchObject({ open: 1, refused: 3 });
  busy.chunk(records(2));
  await busy.until(enriched(2));
});

test('a drain closes handshakes that are not complete', async () => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, ...started } = await start({ clock });
  const clients = await halfWay({ app, streams, drainState, responses, ...started }, 3, halfHello);
  expect(await drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 })).toBe(0);
  await closed(clients);
  expect(clock.timers).toBe(0);
});

test('after the handshake a client of TLS 1.2 cannot begin another one on the same connection', async () => {
  const { port } = await start();
  const socket = tlsConnect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2' });
  await once(socket, 'secureConnect');
  const failed = Promise.withResolvers<unknown>();
  socket.on('error', (error) => failed.resolve(error));
  socket.renegotiate({}, (error) => failed.resolve(error));
  expect(await failed.promise).toBeInstanceOf(Error);
  socket.destroy();
});

test('10,000 handshakes that stop half-way leave no socket, no timer and no memory', { timeout: 60_000 }, async () => {
  const clock = virtualClock();
  const started = await start({ clock });
  const batch = async (bytes: Buffer): Promise<void> => {
    const clients = await halfWay(started, 250, bytes);
    await clock.advance(10_000);
    await closed(clients);
    while (clock.timers > 0 || (await openConnections(started)) > 0) await turn();
  };
  // The first batches fill what is allocated once.
  for (let batches = 0; batches < 8; batches += 1) await batch(halfHello);
  const before = await settled();
  for (let batches = 0; batches < 32; batches += 1) await batch(batches % 2 === 0 ? halfHello : Buffer.alloc(0));
  const after = await settled();
  expect(started.failedHandshakes.length).toBe(10_000);
  expect(after.sockets).toBe(before.sockets);
  // The test keeps a failure of each. A TLS socket of Node.js takes some 30 kB: 8,000 of them would be 240 MB.
  expect(after.heapBytes - before.heapBytes).toBeLessThan(16_000_000);
  expect(after.externalBytes - before.externalBytes).toBeLessThan(4_000_000);
});

const openConnections = ({ app }: Started): Promise<number> =>
  new Promise((resolve, reject) =>
    app.server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    }),
  );

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Sockets and bytes of this process after a collection. */
async function settled(): Promise<{ sockets: number; heapBytes: number; externalBytes: number }> {
  for (let turns = 0; turns < 5; turns += 1) {
    await turn();
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  const sockets = process.getActiveResourcesInfo().filter((name) => /TCP|TLS/.test(name)).length;
  return { sockets, heapBytes: heapUsed, externalBytes: external };
}
