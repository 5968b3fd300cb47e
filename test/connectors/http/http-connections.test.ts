import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { heldEnd, httpEnd, openHttp, tcpEnd } from './far-end.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

describe('connections', () => {
  test('are kept and used again', async () => {
    const { origin, sockets } = await httpEnd((_, out) => out.end('{}'));
    const { ask } = await openHttp({ url: `${origin}/x` });
    for (let call = 0; call < 20; call++) await ask();
    expect(sockets).toHaveLength(1);
  });

  test('are never more than configured; further calls wait, the oldest first', async () => {
    const held = await heldEnd();
    const { ask, heard, limit } = await openHttp({ url: `${held.origin}/{n}`, connections: 2 });
    const answers = [0, 1, 2, 3, 4, 5].map((n) => ask({ n }));
    const first = [await held.next(), await held.next()];
    expect(heard.gauges()).toEqual({ inFlight: 2, queued: 0, connections: 2 });
    expect(limit.waiting).toBe(4);
    const order: (string | undefined)[] = [];
    for (const { request, response } of first) {
      order.push(request.url);
      response.end('{}');
    }
    for (let n = 2; n < 6; n++) {
      const { request, response } = await held.next();
      order.push(request.url);
      response.end('{}');
    }
    await Promise.all(answers);
    expect(order.slice(2)).toEqual(['/2', '/3', '/4', '/5']);
    expect(held.sockets).toHaveLength(2);
    expect([heard.gauges().inFlight, limit.waiting]).toEqual([0, 0]);
  });

  test('of 20,000 calls at once none is refused, and one that is cancelled while it waits is not counted as a call', async () => {
    const held = await heldEnd();
    const { ask, heard, limit } = await openHttp({ url: `${held.origin}/x`, connections: 1 });
    const context = new Cancellation();
    const running = ask();
    const waiting = Array.from({ length: 20_000 }, () => ask({}, context));
    expect(limit.waiting).toBe(20_000);
    const ended = Promise.allSettled(waiting);
    context.cancel('done');
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
    expect(limit.waiting).toBe(0);
    (await held.next()).response.end('{}');
    await running;
    expect(heard.outcomes).toEqual(['ok']);
  });

  test.each(['lean', 'undici'])(
    'that are still being opened hold no call that is cancelled, with client: %s',
    async (client) => {
      const { origin, sockets } = await tcpEnd((socket) => void socket.resume());
      const { ask, heard } = await openHttp({ url: origin.replace('http:', 'https:'), connections: 1, client });
      for (let call = 0; call < 3; call++) {
        const context = new Cancellation();
        const asked = ask({}, context);
        while (heard.gauges().inFlight === 0) await turn();
        context.cancel(new RecordError('timeout', 'too slow'));
        await expect(asked).rejects.toMatchObject({ code: 'timeout' });
        expect(heard.gauges().inFlight).toBe(0);
      }
      while (sockets.length === 0) await turn();
      expect(sockets).toHaveLength(1);
    },
  );

  test('pipelining puts several calls on one connection, and each gets its own answer', async () => {
    const seen: string[] = [];
    let pending = '';
    const { origin, sockets } = await tcpEnd((socket) =>
      socket.on('data', (bytes) => {
        pending += bytes.toString();
        for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
          seen.push(pending.split(' ')[1] ?? '');
          pending = pending.slice(end + 4);
        }
        if (seen.length < 4) return;
        for (const path of seen) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${path.slice(1)}`);
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/{n}`, connections: 1, pipelining: 4 });
    const answers = await Promise.all([0, 1, 2, 3].map((n) => ask({ n })));
    expect(answers.map(({ json }) => json)).toEqual(['0', '1', '2', '3']);
    expect(sockets).toHaveLength(1);
  });
});

describe('a kept connection that dies before the answer began', () => {
  test.each(['GET', 'PUT', 'DELETE'])('is replaced and %s is sent once more', async (method) => {
    let calls = 0;
    const { origin, sockets } = await tcpEnd((socket) =>
      socket.on('data', () => {
        calls++;
        if (calls === 2) socket.destroy();
        else socket.write(ok);
      }),
    );
    const { ask, heard } = await openHttp({ url: `${origin}/x`, method });
    await ask();
    expect((await ask()).json).toBe('{}');
    expect([calls, sockets.length]).toEqual([3, 2]);
    expect(heard.outcomes).toEqual(['ok', 'ok']);
  });

  test('is an error if the fresh one that replaces it dies as well', async () => {
    let calls = 0;
    const { origin } = await tcpEnd((socket) =>
      socket.on('data', () => {
        calls++;
        if (calls === 1) socket.write(ok);
        else socket.destroy();
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/x` });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    expect(calls).toBe(3);
  });

  test.each(['POST', 'PATCH'])('is an error at once for %s', async (method) => {
    let calls = 0;
    const { origin } = await tcpEnd((socket) =>
      socket.on('data', () => {
        calls++;
        if (calls === 1) socket.write(ok);
        else socket.destroy();
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/x`, method, body: {} });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    expect(calls).toBe(2);
  });

  test('is an error once the answer has begun', async () => {
    let calls = 0;
    const { origin } = await tcpEnd((socket) =>
      socket.on('data', () => {
        calls++;
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{');
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/x` });
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    expect(calls).toBe(1);
  });

  test.each(['GET', 'PUT', 'DELETE', 'POST'])('is not replaced if it was fresh: %s is sent once', async (method) => {
    let calls = 0;
    const { origin, sockets } = await tcpEnd((socket) =>
      socket.on('data', () => {
        calls++;
        socket.destroy();
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/x`, method });
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    expect([calls, sockets.length]).toEqual([2, 2]);
  });

  test('a server that closes idle connections costs no call', async () => {
    const { origin, sockets } = await httpEnd((request, out) => {
      out.end('{}');
      out.on('finish', () => setImmediate(() => request.socket.destroy()));
    });
    const { ask, heard } = await openHttp({ url: `${origin}/x`, connections: 4 });
    for (let round = 0; round < 50; round++) await Promise.all([ask(), ask(), ask(), ask()]);
    expect(heard.outcomes.every((outcome) => outcome === 'ok')).toBe(true);
    expect(sockets.length).toBeGreaterThan(4);
  });
});

describe('cancellation', () => {
  test('of a running call fails it with the reason and closes its connection', async () => {
    const held = await heldEnd();
    const { ask, heard } = await openHttp({ url: `${held.origin}/x` });
    const context = new Cancellation();
    const answer = ask({}, context);
    const { request } = await held.next();
    const closed = once(request.socket, 'close');
    context.cancel(new RecordError('timeout', 'too late'));
    await expect(answer).rejects.toMatchObject({ code: 'timeout', details: { lookup: 'airport' } });
    await closed;
    expect(heard.outcomes).toEqual(['timeout']);
    expect(heard.gauges()).toMatchObject({ inFlight: 0, queued: 0 });
  });

  test('frees the connection for another call', async () => {
    const held = await heldEnd();
    const { ask } = await openHttp({ url: `${held.origin}/{n}`, connections: 1 });
    const context = new Cancellation();
    const first = ask({ n: 1 }, context);
    await held.next();
    const second = ask({ n: 2 });
    context.cancel('client gone');
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    const { request, response } = await held.next();
    expect(request.url).toBe('/2');
    response.end('{}');
    expect((await second).json).toBe('{}');
  });

  test('of a call that waits means that it is never sent', async () => {
    const held = await heldEnd();
    const { ask } = await openHttp({ url: `${held.origin}/{n}`, connections: 1 });
    const context = new Cancellation();
    const first = ask({ n: 1 });
    const second = ask({ n: 2 }, context);
    const third = ask({ n: 3 });
    const { response } = await held.next();
    context.cancel('client gone');
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    response.end('{}');
    const { request, response: last } = await held.next();
    last.end('{}');
    await Promise.all([first, third]);
    expect(request.url).toBe('/3');
    expect(held.seen).toHaveLength(2);
  });

  test('while the connection is being opened means that the call is never sent, and the connection is kept', async () => {
    const held = await heldEnd();
    const { ask, heard } = await openHttp({ url: `${held.origin}/{n}`, connections: 1 });
    const context = new Cancellation();
    const first = ask({ n: 1 }, context);
    const second = ask({ n: 2 });
    context.cancel('client gone');
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    const { request, response } = await held.next();
    response.end('{}');
    await second;
    expect(request.url).toBe('/2');
    expect(held.sockets).toHaveLength(1);
    expect(heard.outcomes).toEqual(['cancelled', 'ok']);
  });

  test('before the call means that nothing is sent', async () => {
    const held = await heldEnd();
    const { ask } = await openHttp({ url: `${held.origin}/{n}` });
    const context = new Cancellation();
    context.cancel('client gone');
    await expect(ask({ n: 1 }, context)).rejects.toMatchObject({ code: 'cancelled' });
    const second = ask({ n: 2 });
    const { request, response } = await held.next();
    response.end('{}');
    await second;
    expect(request.url).toBe('/2');
  });

  test('of one pipelined call leaves the others their answers', async () => {
    const held = await heldEnd();
    const { ask } = await openHttp({ url: `${held.origin}/{n}`, connections: 1, pipelining: 3 });
    const context = new Cancellation();
    const first = ask({ n: 1 });
    const second = ask({ n: 2 }, context);
    const third = ask({ n: 3 });
    await held.next();
    context.cancel('client gone');
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    const answerAll = async (): Promise<void> => {
      for (;;) {
        const { request, response } = await held.next();
        response.end(`"${request.url ?? ''}"`);
      }
    };
    void answerAll();
    expect((await first).json).toBe('"/1"');
    expect((await third).json).toBe('"/3"');
  });

  test('of a thousand calls leaves nothing behind', async () => {
    const held = await heldEnd();
    const { ask, heard, limit } = await openHttp({ url: `${held.origin}/x`, connections: 10 });
    for (let round = 0; round < 10; round++) {
      const context = new Cancellation();
      const calls = Array.from({ length: 100 }, () => ask({}, context));
      await held.next();
      context.cancel('client gone');
      await Promise.allSettled(calls);
    }
    expect(new Set(heard.outcomes)).toEqual(new Set(['cancelled']));
    expect(limit.waiting).toBe(0);
    while (heard.gauges().inFlight > 0) await turn();
  });
});

test('closing fails the calls that run and the calls that wait', async () => {
  const held = await heldEnd();
  const { ask, connector, limit } = await openHttp({ url: `${held.origin}/x`, connections: 1 });
  const calls = [ask(), ask()];
  await held.next();
  const ended = Promise.allSettled(calls);
  limit.close();
  await connector.close();
  expect(await ended).toMatchObject([{ reason: { code: 'cancelled' } }, { reason: { code: 'cancelled' } }]);
  await expect(ask()).rejects.toMatchObject({ code: 'cancelled', message: expect.stringContaining('closed') });
});
