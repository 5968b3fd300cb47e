import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openHttp, tcpEnd } from '../far-end.ts';

// undici keeps one timer for all its connections: it has to be a false one from the first connection on.
beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterAll(() => void vi.useRealTimers());

test.each(['lean', 'undici'])(
  'a handshake that never ends is given up after ten seconds, with client: %s',
  async (client) => {
    const { origin, sockets } = await tcpEnd((socket) => void socket.resume());
    const { ask } = await openHttp({ url: origin.replace('http:', 'https:'), client });
    const failure = ask().catch((error: unknown) => error);
    for (let seconds = 0; seconds < 12; seconds++) await vi.advanceTimersByTimeAsync(1000);
    expect(await failure).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^cannot connect to https:\S+ it does not answer \(UND_ERR_CONNECT_TIMEOUT/),
    });
    expect(sockets).toHaveLength(1);
  },
);
