import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openHttp, type OpenHttp } from './far-end.ts';
import { resolved } from './resolved.ts';

const name = 'airports.test';

interface Server {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** A server at one address, which answers with that address. */
async function serverAt(address: string, port = 0): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => response.end(JSON.stringify(address)));
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, close };
}

/** A listener whose queue is full: it never accepts, and the system drops every further SYN. */
async function silentAt(address: string, port: number): Promise<void> {
  const listener = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    require('node:net').createServer().listen(workerData.port, workerData.address, 1, () => {
      parentPort.postMessage('listening');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`,
    { eval: true, workerData: { address, port } },
  );
  await once(listener, 'message');
  const waiting = [connect(port, address), connect(port, address)];
  await Promise.all(waiting.map((socket) => once(socket, 'connect')));
  onTestFinished(async () => {
    for (const socket of waiting) socket.on('error', () => {}).destroy();
    await listener.terminate();
  });
}

describe.each(['lean', 'undici'])('an HTTP lookup with client: %s', (client) => {
  const open = (port: number, host = name, options: object = {}): Promise<OpenHttp> =>
    openHttp({ url: `http://${host}:${port}/x`, client, ...options });

  test.each([
    ['an IPv6 address', ['::1'], '::1'],
    ['an IPv6 address and then an IPv4 address, and only the second has a server', ['::1', '127.0.0.1'], '127.0.0.1'],
    ['an IPv4 address and then an IPv6 address, and only the second has a server', ['127.0.0.1', '::1'], '::1'],
    ['two IPv4 addresses, of which the first refuses', ['127.0.0.2', '127.0.0.1'], '127.0.0.1'],
    ['three addresses, of which two refuse', ['127.0.0.2', '127.0.0.3', '127.0.0.1'], '127.0.0.1'],
  ])('reaches a name that has %s', async (_, addresses, server) => {
    resolved(name, () => addresses);
    const { port } = await serverAt(server);
    const { ask } = await open(port);
    expect((await ask()).json).toBe(JSON.stringify(server));
  });

  test('reaches the second address of a name whose first one never answers', async () => {
    resolved(name, () => ['127.0.0.2', '127.0.0.1']);
    const { port } = await serverAt('127.0.0.1');
    await silentAt('127.0.0.2', port);
    const { ask } = await open(port);
    expect((await ask()).json).toBe('"127.0.0.1"');
  });

  test('reaches an IPv6 address in a url', async () => {
    const { port } = await serverAt('::1');
    const { ask } = await open(port, '[::1]');
    expect((await ask()).json).toBe('"::1"');
  });

  test('reaches localhost on the one address that has a server', async () => {
    const { port } = await serverAt('127.0.0.1');
    const { ask } = await open(port, 'localhost');
    expect((await ask()).json).toBe('"127.0.0.1"');
  });

  test('names every address that refuses', async () => {
    resolved(name, () => ['127.0.0.2', '127.0.0.3']);
    const { port } = await serverAt('127.0.0.1');
    const { ask } = await open(port);
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot connect to http://airports.test:${port}: nothing listens there (connect ECONNREFUSED 127.0.0.2:${port}; connect ECONNREFUSED 127.0.0.3:${port})`,
    });
  });

  test('opens new connections to the new address of a name, and keeps those to the old one until they end', async () => {
    const addresses = ['127.0.0.1'];
    resolved(name, () => addresses);
    const old = await serverAt('127.0.0.1');
    await serverAt('127.0.0.2', old.port);
    const { ask } = await open(old.port);
    const calls = async (number: number): Promise<(string | undefined)[]> =>
      (await Promise.all(Array.from({ length: number }, () => ask()))).map(({ json }) => json);
    expect(await calls(1)).toEqual(['"127.0.0.1"']);
    addresses[0] = '127.0.0.2';
    expect(await calls(3)).toEqual(['"127.0.0.1"', '"127.0.0.2"', '"127.0.0.2"']);
    await old.close();
    expect(await calls(3)).toEqual(['"127.0.0.2"', '"127.0.0.2"', '"127.0.0.2"']);
  });

  test('moves to another address of a name if the server at the first one is gone', async () => {
    resolved(name, () => ['127.0.0.1', '127.0.0.2']);
    const first = await serverAt('127.0.0.1');
    await serverAt('127.0.0.2', first.port);
    const { ask } = await open(first.port);
    expect((await ask()).json).toBe('"127.0.0.1"');
    await first.close();
    expect((await ask()).json).toBe('"127.0.0.2"');
  });
});
