import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import { virtualClock } from '../../../../src/core/time/virtual-clock.ts';
import type { HttpClient } from '../../../../src/connectors/http/client/http-client.ts';
import { LeanClients } from '../../../../src/connectors/http/client/lean-client.ts';
import { listen, openHttp, tcpEnd } from '../far-end.ts';
import { anyRoute } from './both-ends.ts';
import { RecordedCall } from './recorded-call.ts';

const answer = (body: string, ...fields: readonly string[]): string =>
  ['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...fields, '', body].join('\r\n');

/** A server that the test answers by hand: the requests that arrived, and the socket of each. */
async function scripted(): Promise<{
  origin: string;
  sockets: readonly Socket[];
  readonly request: (number: number) => Promise<{ text: string; socket: Socket }>;
}> {
  const requests: { text: string; socket: Socket }[] = [];
  const { origin, sockets } = await tcpEnd((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => requests.push({ text: bytes.toString('latin1'), socket }));
  });
  return {
    origin,
    sockets,
    request: async (number) => {
      while (requests[number] === undefined) await turn();
      return requests[number];
    },
  };
}

function clientOf(origin: string, method = 'GET'): { client: HttpClient; clock: ReturnType<typeof virtualClock> } {
  const clock = virtualClock();
  const client = new LeanClients({ origin, method, tls: {}, route: anyRoute, clock }).create();
  onTestFinished(() => client.destroy());
  return { client, clock };
}

function send(client: HttpClient, call = new RecordedCall()): RecordedCall {
  client.dispatch(call);
  return call;
}

/** The sockets that are opened while the test runs. */
function openedSockets(onSocket: (socket: Socket) => void = () => {}): readonly Socket[] {
  const opened: Socket[] = [];
  const listener = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    opened.push(socket);
    onSocket(socket);
  };
  subscribe('net.client.socket', listener);
  onTestFinished(() => void unsubscribe('net.client.socket', listener));
  return opened;
}

describe('a request', () => {
  test('names its host, keeps the connection, and has its fields in their order', async () => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin);
    send(client, new RecordedCall('/a?b=%20', { headers: ['accept', 'application/json', 'x-latin', '\xfc'] }));
    expect((await request(0)).text).toBe(
      `GET /a?b=%20 HTTP/1.1\r\nhost: ${new URL(origin).host}\r\nconnection: keep-alive\r\naccept: application/json\r\nx-latin: \xfc\r\n\r\n`,
    );
  });

  test('has the host that its fields name', async () => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin);
    send(client, new RecordedCall('/', { headers: ['host', 'other.example'] }));
    expect((await request(0)).text).toBe('GET / HTTP/1.1\r\nconnection: keep-alive\r\nhost: other.example\r\n\r\n');
  });

  test.each([
    ['POST', null, 'content-length: 0\r\n\r\n'],
    ['DELETE', null, 'connection: keep-alive\r\n\r\n'],
    ['GET', '{"a":1}', 'content-length: 7\r\n\r\n{"a":1}'],
    ['QUERY', 'Zürich €', `content-length: 11\r\n\r\n${Buffer.from('Zürich €').toString('latin1')}`],
  ])('by %s with body %j has its length in bytes', async (method, body, end) => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin, method);
    send(client, new RecordedCall('/', { body, headers: ['x', '\xfc'] }));
    expect((await request(0)).text.replace('x: \xfc\r\n', '').endsWith(end)).toBe(true);
  });

  test('goes to an IPv6 address', async () => {
    const server = createServer((socket) => socket.on('data', () => socket.write(answer('{}'))));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    const { client } = clientOf(`http://[::1]:${typeof address === 'object' && address !== null ? address.port : 0}`);
    expect(await send(client).done.promise).toBe('{}');
  });

  test('waits for the end of the turn, with all others of that turn', async () => {
    const { origin, request } = await scripted();
    const clock = virtualClock();
    const clients = new LeanClients({ origin, method: 'GET', tls: {}, route: anyRoute, clock });
    const pair = [clients.create(), clients.create()];
    onTestFinished(async () => void (await Promise.all(pair.map((client) => client.destroy()))));
    const first = pair.map((client) => send(client));
    for (const number of [0, 1]) (await request(number)).socket.write(answer('{}'));
    await Promise.all(first.map(({ done }) => done.promise));
    const second = pair.map((client) => send(client));
    expect(second.map(({ reused }) => reused)).toEqual([[], []]);
    await turn();
    expect(second.map(({ reused }) => reused)).toEqual([[true], [true]]);
  });
});

describe('a connection', () => {
  test('carries one call after the other', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    for (const number of [0, 1, 2]) {
      const call = send(client);
      (await request(number)).socket.write(answer(`{"n":${number}}`));
      expect(await call.done.promise).toBe(`{"n":${number}}`);
      expect(call.reused).toEqual([number > 0]);
    }
    expect([sockets.length, client.connected]).toEqual([1, true]);
  });

  test.each([
    ['an answer that no call asked for', answer('{"evil":1}')],
    ['an empty line', '\r\n'],
  ])('that receives %s while it is idle is closed, and the next call has its own answer', async (_, bytes) => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const first = send(client);
    const { socket } = await request(0);
    socket.write(answer('{}'));
    await first.done.promise;
    socket.write(bytes);
    while (client.connected) await turn();
    const second = send(client);
    (await request(1)).socket.write(answer('{"right":1}'));
    expect(await second.done.promise).toBe('{"right":1}');
    expect(sockets).toHaveLength(2);
  });

  test('that receives an unasked answer with the answer before it is closed', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const first = send(client);
    (await request(0)).socket.write(answer('{}') + answer('{"evil":1}'));
    expect(await first.done.promise).toBe('{}');
    const second = send(client);
    (await request(1)).socket.write(answer('{"right":1}'));
    expect(await second.done.promise).toBe('{"right":1}');
    expect(sockets).toHaveLength(2);
  });

  test('that receives an unasked answer after a call was made, but before it is sent, is closed, and a fresh one carries the call', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const first = send(client);
    const { socket } = await request(0);
    socket.write(answer('{}'));
    await first.done.promise;
    await new Promise<void>((resolve) => socket.write(answer('{"evil":1}'), () => resolve()));
    await turn();
    const second = send(client);
    (await request(1)).socket.write(answer('{"right":1}'));
    expect(await second.done.promise).toBe('{"right":1}');
    expect(second.reused.at(-1)).toBe(false);
    expect(sockets).toHaveLength(2);
  });

  test.each(['connection: close', 'proxy-connection: close', 'keep-alive: timeout=0'])(
    'is not used again after %s',
    async (field) => {
      const { origin, request } = await scripted();
      const { client } = clientOf(origin);
      const call = send(client);
      (await request(0)).socket.write(answer('{}', field));
      await call.done.promise;
      expect(client.connected).toBe(false);
    },
  );

  test.each([
    [undefined, 4000],
    ['keep-alive: timeout=1', 500],
    ['keep-alive: timeout=3', 2000],
    ['keep-alive: timeout=10000', 600_000],
  ])('that is idle after %s is closed after %d ms', async (field, ms) => {
    const { origin, request } = await scripted();
    const { client, clock } = clientOf(origin);
    for (const number of [0, 1]) {
      const call = send(client);
      (await request(number)).socket.write(answer('{}', ...(field === undefined ? [] : [field])));
      await call.done.promise;
      await clock.advance(ms - 500);
      expect(client.connected).toBe(true);
    }
    await clock.advance(500);
    expect(client.connected).toBe(false);
    expect(clock.timers).toBe(0);
  });

  test('is not closed for its age while a call runs', async () => {
    const { origin, request } = await scripted();
    const { client, clock } = clientOf(origin);
    const call = send(client);
    const { socket } = await request(0);
    await clock.advance(3_600_000);
    socket.write(answer('{}'));
    expect(await call.done.promise).toBe('{}');
  });

  test('that the server closes while it is idle is replaced, and POST is sent, because nothing was sent before', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin, 'POST');
    const first = send(client);
    const { socket } = await request(0);
    socket.write(answer('{}'));
    await first.done.promise;
    socket.end();
    while (client.connected) await turn();
    const second = send(client);
    (await request(1)).socket.write(answer('{}'));
    expect(await second.done.promise).toBe('{}');
    expect(sockets).toHaveLength(2);
  });

  test.each([
    ['resetAndDestroy', 'close'],
    ['end', 'finish'],
  ] as const)(
    'that the server closes (%s) in the turn of the next call is replaced, because nothing was sent on it',
    async (close, sent) => {
      const { origin, request, sockets } = await scripted();
      const { client } = clientOf(origin, 'POST');
      const first = send(client);
      const { socket } = await request(0);
      socket.write(answer('{}'));
      await first.done.promise;
      socket[close]();
      await once(socket, sent);
      // Node.js reports a finished end while it reads sockets, and a reset after that.
      if (close === 'end') await turn();
      const second = send(client);
      (await request(1)).socket.write(answer('{"a":2}'));
      expect(await second.done.promise).toBe('{"a":2}');
      expect([second.reused, sockets.length]).toEqual([[false], 2]);
    },
  );

  test('has no timer when its client is destroyed, and every call fails from then on', async () => {
    const { origin, request } = await scripted();
    const { client, clock } = clientOf(origin);
    const running = send(client);
    await request(0);
    await client.destroy();
    await expect(running.done.promise).rejects.toMatchObject({ name: 'ConnectionLost', by: 'destroyed' });
    await expect(send(client).done.promise).rejects.toMatchObject({ by: 'destroyed' });
    expect([client.connected, clock.timers]).toEqual([false, 0]);
  });

  test('fails the call that waits for its turn, and any later one, when its client is destroyed', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const first = send(client);
    (await request(0)).socket.write(answer('{}'));
    await first.done.promise;
    const queued = send(client);
    await client.destroy();
    await expect(queued.done.promise).rejects.toMatchObject({ by: 'destroyed' });
    await turn();
    expect([queued.reused, sockets.length]).toEqual([[], 1]);
  });

  test('fails a call that is made after its client was destroyed while it opened', async () => {
    const { origin } = await scripted();
    const { client } = clientOf(origin);
    const opening = send(client);
    await client.destroy();
    await expect(opening.done.promise).rejects.toMatchObject({ by: 'destroyed' });
    await expect(send(client).done.promise).rejects.toMatchObject({ by: 'destroyed' });
  });
});

describe('a connection that is opened for a call that is cancelled', () => {
  test('is used by the next call, which takes the place of the cancelled one', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const cancelled = send(client, new RecordedCall('/cancelled'));
    cancelled.wanted = false;
    const next = send(client, new RecordedCall('/next'));
    const { text, socket } = await request(0);
    expect(text).toContain('GET /next');
    socket.write(answer('{}'));
    expect(await next.done.promise).toBe('{}');
    expect([cancelled.reused, sockets.length]).toEqual([[], 1]);
  });

  test('is closed with its client, also in the middle of a handshake', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin.replace('http:', 'https:'));
    const call = send(client);
    await request(0);
    await client.destroy();
    await expect(call.done.promise).rejects.toMatchObject({ by: 'destroyed' });
    while (sockets[0]?.destroyed !== true) await turn();
  });
});

describe('a call', () => {
  test('that is cancelled before it is sent is not sent, and its connection is kept', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin);
    const first = send(client);
    (await request(0)).socket.write(answer('{}'));
    await first.done.promise;
    const cancelled = send(client);
    cancelled.wanted = false;
    await turn();
    const third = send(client, new RecordedCall('/third'));
    expect((await request(1)).text).toContain('GET /third');
    (await request(1)).socket.write(answer('{}'));
    await third.done.promise;
    expect(sockets).toHaveLength(1);
  });

  test('that is answered before its request is sent closes its connection: the next one would stand behind the rest', async () => {
    const { origin, request, sockets } = await scripted();
    const { client } = clientOf(origin, 'POST');
    const early = send(client, new RecordedCall('/', { body: 'x'.repeat(30_000_000) }));
    const { socket } = await request(0);
    socket.pause();
    socket.write(answer('{"early":1}'));
    expect(await early.done.promise).toBe('{"early":1}');
    expect(client.connected).toBe(false);
    const next = send(client);
    while (sockets.length < 2) await turn();
    sockets[1]?.write(answer('{"next":1}'));
    expect(await next.done.promise).toBe('{"next":1}');
  });

  test('that is aborted closes its connection, and fails with that reason', async () => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin);
    const call = send(client);
    await request(0);
    call.abort(new Error('too slow'));
    await expect(call.done.promise).rejects.toThrow('too slow');
    expect(client.connected).toBe(false);
    call.abort(new Error('once more'));
  });

  test.each<[thrown: string, fault: () => never, message: string]>([
    ['an Error', () => raise(new Error('a fault of the caller')), 'a fault of the caller'],
    ['a text', () => raise('a fault of the caller'), 'a fault of the caller'],
  ])('fails if its caller throws %s while it is sent; the others of that turn are sent', async (_, fault, message) => {
    const { origin, request } = await scripted();
    const clients = new LeanClients({ origin, method: 'GET', tls: {}, route: anyRoute, clock: virtualClock() });
    const pair = [clients.create(), clients.create()] as const;
    onTestFinished(async () => void (await Promise.all(pair.map((client) => client.destroy()))));
    const firsts = pair.map((client) => send(client));
    for (const number of [0, 1]) (await request(number)).socket.write(answer('{}'));
    await Promise.all(firsts.map(({ done }) => done.promise));
    const faulty = new RecordedCall();
    faulty.sending = fault;
    send(pair[0], faulty);
    const other = send(pair[1]);
    (await request(2)).socket.write(answer('{"a":2}'));
    expect(await other.done.promise).toBe('{"a":2}');
    await expect(faulty.done.promise).rejects.toThrow(message);
    const next = send(pair[0]);
    (await request(3)).socket.write(answer('{"a":3}'));
    expect(await next.done.promise).toBe('{"a":3}');
  });

  test('fails if nothing listens', async () => {
    const { client } = clientOf('http://127.0.0.1:1');
    await expect(send(client).done.promise).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('fails if the answer is malformed, and its connection is closed', async () => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin);
    const call = send(client);
    (await request(0)).socket.write('HTTP/1.1 200 OK\n\n');
    await expect(call.done.promise).rejects.toMatchObject({ name: 'MalformedAnswer' });
    expect(client.connected).toBe(false);
  });

  test.each([
    ['closes', (socket: Socket) => void socket.end()],
    ['resets', (socket: Socket) => void socket.resetAndDestroy()],
    ['speaks first on', (socket: Socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('fails if the server %s every connection at once; no third one is opened', async (_, script) => {
    const { origin, sockets } = await tcpEnd(script);
    const { client } = clientOf(origin);
    for (let number = 1; number <= 5; number += 1) {
      const call = send(client);
      await expect(call.done.promise).rejects.toBeInstanceOf(Error);
      expect(sockets.length).toBeLessThanOrEqual(2 * number);
      expect(client.connected).toBe(false);
    }
  });

  test('fails if two connections break before the turn is over; no third one is opened', async () => {
    const { origin } = await scripted();
    const { client } = clientOf(origin, 'POST');
    const opened = openedSockets((socket) => socket.once('connect', () => socket.destroy(new Error('broken at once'))));
    const call = send(client);
    await expect(call.done.promise).rejects.toMatchObject({
      name: 'ConnectionLost',
      message: 'it closed the connection at once',
    });
    expect([call.reused, opened.length]).toEqual([[], 2]);
  });

  test('fails if other code of the process destroys its socket', async () => {
    const { origin, request } = await scripted();
    const { client } = clientOf(origin);
    const opened = openedSockets();
    const call = send(client);
    await request(0);
    for (const socket of opened) socket.destroy();
    await expect(call.done.promise).rejects.toMatchObject({ name: 'ConnectionLost', by: 'closed' });
  });

  test('has its answer if the connection closes after it', async () => {
    const { origin } = await tcpEndOnce('HTTP/1.1 200 OK\r\n\r\n{"a":1}', 'end');
    const { client } = clientOf(origin);
    expect(await send(client).done.promise).toBe('{"a":1}');
  });
});

describe('an HTTP lookup', () => {
  test('sends a call again, once, if its kept connection is reset before the answer begins', async () => {
    const { origin, request, sockets } = await scripted();
    const { ask } = await openHttp({ url: `${origin}/x` });
    const first = ask();
    (await request(0)).socket.write(answer('{}'));
    await first;
    const second = ask();
    (await request(1)).socket.resetAndDestroy();
    (await request(2)).socket.write(answer('{"a":2}'));
    expect((await second).json).toBe('{"a":2}');
    expect(sockets).toHaveLength(2);
  });

  test.each(['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n', 'HTTP/1.1 099 X\r\n\r\n'])(
    'takes a malformed answer on a kept connection for a bad response, and asks no second time: %j',
    async (text) => {
      const { origin, request, sockets } = await scripted();
      const { ask } = await openHttp({ url: `${origin}/x` });
      const first = ask();
      (await request(0)).socket.write(answer('{}'));
      await first;
      const second = ask();
      (await request(1)).socket.write(text);
      await expect(second).rejects.toMatchObject({ code: 'bad_response' });
      await turn();
      expect(sockets).toHaveLength(1);
    },
  );

  test('asks again on the same connection after a call that was cancelled while it was being opened', async () => {
    const { origin, request } = await scripted();
    const { ask } = await openHttp({ url: `${origin}/x`, connections: 1 });
    const context = new Cancellation();
    const cancelled = ask({}, context);
    context.cancel('enough');
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    const next = ask();
    (await request(0)).socket.write(answer('{"a":1}'));
    expect((await next).json).toBe('{"a":1}');
  });
});

async function tcpEndOnce(text: string, end: 'end' | 'resetAndDestroy'): Promise<{ origin: string }> {
  return listen(
    createServer((socket) => {
      socket.once('data', () => {
        if (text === '') socket[end]();
        else socket.write(text, 'latin1', () => socket[end]());
      });
    }),
  );
}

function raise(fault: unknown): never {
  throw fault;
}
