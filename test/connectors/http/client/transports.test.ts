import { setImmediate as turn } from 'node:timers/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../../../src/core/time/virtual-clock.ts';
import { RecordError } from '../../../../src/core/errors.ts';
import { AnswerParser } from '../../../../src/connectors/http/client/answer-parser.ts';
import { LeanClients } from '../../../../src/connectors/http/client/lean-client.ts';
import { listen, openHttp, type OpenHttp } from '../far-end.ts';
import { cutAnswers, lines, ok, refusedAnswers, takenAnswers } from './answer-cases.ts';
import { type Arrived, certificate, type Protocol, rawServer } from './both-ends.ts';
import { readText, Receiver } from './read-answer.ts';
import { RecordedCall } from './recorded-call.ts';

const own = certificate();
let caFile = '';

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-ca-'));
  caFile = join(folder, 'ca');
  writeFileSync(caFile, own.cert);
  afterAll(() => rmSync(folder, { recursive: true }));
});

async function serve(protocol: Protocol, onRequest: (request: Arrived) => void): Promise<string> {
  const { origin } = await listen(rawServer(protocol, own, onRequest));
  return origin.replace('http:', `${protocol}:`);
}

const connectTo = (origin: string, more: object = {}): Promise<OpenHttp> =>
  openHttp({ url: `${origin}/x`, connections: 1, tls: origin.startsWith('https:') ? { ca: caFile } : {}, ...more });

/** Whether the answer goes on until the connection closes. */
function endsWithClose(text: string): boolean {
  const parser = new AnswerParser();
  parser.expect(new Receiver(), false);
  const bytes = Buffer.from(text, 'latin1');
  try {
    parser.feed(bytes, bytes.length);
  } catch {
    return false;
  }
  return parser.busy;
}

const kept = `${lines(ok, 'content-length: 2', '')}{}`;

describe.each<Protocol>(['http', 'https'])('over %s, the client', (protocol) => {
  function ask(origin: string, method = 'GET') {
    const clients = new LeanClients({ origin, method, tls: { ca: own.cert }, clock: virtualClock() });
    const client = clients.create();
    onTestFinished(() => client.destroy());
    const call = new RecordedCall();
    client.dispatch(call);
    return { call, client };
  }

  test.each(takenAnswers)('takes an answer %s', async (_, text, { head, reusable }) => {
    const origin = await serve(protocol, ({ socket }) => {
      socket.write(text, 'latin1');
      if (endsWithClose(text)) socket.end();
    });
    const { call, client } = ask(origin);
    const { status, body } = readText(text);
    expect(await call.done.promise).toBe(body);
    expect(call.head).toMatchObject({ status, ...head });
    if (reusable !== undefined) expect(client.connected).toBe(reusable);
  });

  test.each(refusedAnswers)('refuses an answer %s, and closes the connection', async (_, text, message) => {
    const origin = await serve(protocol, ({ socket }) => socket.write(text, 'latin1'));
    const { call, client } = ask(origin);
    await expect(call.done.promise).rejects.toMatchObject({
      name: 'MalformedAnswer',
      message: expect.stringMatching(message),
    });
    expect(client.connected).toBe(false);
  });

  test('takes the answer to HEAD without a body, whatever length it names, and keeps the connection', async () => {
    const origin = await serve(protocol, ({ socket }) => socket.write(lines(ok, 'content-length: 9', '')));
    const { call, client } = ask(origin, 'HEAD');
    expect(await call.done.promise).toBe('');
    expect([call.head?.contentLength, client.connected]).toEqual([9, true]);
  });

  test('takes an answer that comes byte by byte', async () => {
    const origin = await serve(protocol, async ({ socket }) => {
      for (const byte of Buffer.from(cutAnswers[0] ?? '')) {
        socket.write(Buffer.of(byte));
        await turn();
      }
    });
    expect(await ask(origin).call.done.promise).toBe('{}');
  });

  test.each(['before the call', 'with the answer before'])(
    'gives a call its own answer after one that no call asked for came %s',
    async (when) => {
      const evil = `${lines(ok, 'content-length: 10', '')}{"evil":1}`;
      const sockets = new Set<unknown>();
      const origin = await serve(protocol, ({ path, socket }) => {
        sockets.add(socket);
        if (path !== '/') return void socket.write(`${lines(ok, 'content-length: 9', '')}{"own":1}`);
        if (when === 'with the answer before') return void socket.write(kept + evil);
        socket.write(kept, () => socket.write(evil));
      });
      const { call, client } = ask(origin);
      expect(await call.done.promise).toBe('{}');
      while (client.connected) await turn();
      const next = new RecordedCall('/next');
      client.dispatch(next);
      expect(await next.done.promise).toBe('{"own":1}');
      expect(sockets.size).toBe(2);
    },
  );
});

describe('over http and https alike, a lookup', () => {
  interface Outcome {
    readonly json?: string | undefined;
    readonly code?: string;
    readonly message?: string;
    readonly status?: unknown;
    readonly retryAfterMs?: unknown;
    /** Requests that the server has received for the call. */
    readonly requests: number;
  }

  /** The outcome of a call on a kept connection, whose request `answer` answers; `number` counts requests, the first is 1. */
  async function outcomeOver(
    protocol: Protocol,
    answer: (request: Arrived, number: number) => void,
    more: object = {},
  ): Promise<Outcome> {
    let requests = -1;
    const origin = await serve(protocol, (request) => {
      requests += 1;
      if (requests === 0) request.socket.write(kept);
      else answer(request, requests);
    });
    const { ask } = await connectTo(origin, more);
    await ask();
    try {
      const { json } = await ask();
      return { json, requests };
    } catch (error) {
      const { code, message, details } = RecordError.from(error);
      const { status, retryAfterMs } = details;
      return { code, message: message.replaceAll(origin, 'ORIGIN'), status, retryAfterMs, requests };
    }
  }

  /** The outcome, which is the same over both. */
  async function outcome(answer: (request: Arrived, number: number) => void, more: object = {}): Promise<Outcome> {
    const [plain, secure] = await Promise.all([outcomeOver('http', answer, more), outcomeOver('https', answer, more)]);
    expect(secure).toEqual(plain);
    return plain;
  }

  const writes =
    (text: string) =>
    ({ socket }: Arrived): void => {
      socket.write(text, 'latin1');
      if (endsWithClose(text)) socket.end();
    };

  test.each(refusedAnswers)('takes an answer %s for a bad response, and sends no second request', async (_, text) => {
    expect(await outcome(writes(text))).toMatchObject({
      code: 'bad_response',
      message: expect.stringMatching(/^ORIGIN did not answer in HTTP: /),
      requests: 1,
    });
  });

  test.each(takenAnswers)('takes an answer %s, and sends no second request', async (_, text) => {
    const taken = await outcome(writes(text));
    const { status = 0, body, head } = readText(text);
    const isPlain = /^(?:identity|none|utf-8|, )*$/.test(head?.contentEncoding ?? '');
    if (status === 204) expect(taken).toEqual({ json: undefined, requests: 1 });
    else if (status !== 200) expect(taken).toMatchObject({ code: 'bad_status', status, requests: 1 });
    else if (isPlain && isJson(body)) expect(taken).toEqual({ json: body, requests: 1 });
    else expect(taken).toMatchObject({ code: 'bad_response', status, requests: 1 });
  });

  test.each(['ended', 'reset'])('sends a request once more if the connection is %s before the answer', async (end) => {
    const cut = ({ socket, reset }: Arrived, number: number): void => {
      if (number > 1) socket.write(`${lines(ok, 'content-length: 9', '')}{"own":1}`);
      else if (end === 'ended') socket.end();
      else reset();
    };
    expect(await outcome(cut)).toEqual({ json: '{"own":1}', requests: 2 });
    expect(await outcome(cut, { method: 'POST' })).toMatchObject({ code: 'unreachable', requests: 1 });
  });

  test.each(cutAnswers.flatMap((text) => [['ended', text] as const, ['reset', text] as const]))(
    'is unreachable, and sends no second request, if an answer is %s at any byte: %j',
    async (end, text) => {
      for (let length = 1; length < text.length; length += 1) {
        const cut = ({ socket, reset }: Arrived): void =>
          void socket.write(text.slice(0, length), 'latin1', () => (end === 'ended' ? socket.end() : reset()));
        const cutAnswer = outcome(cut);
        expect({ length, ...(await cutAnswer) }).toMatchObject({ length, code: 'unreachable', requests: 1 });
      }
    },
  );

  test.each([
    ['1 ', 1000],
    [' \t7\t ', 7000],
    ['Sun Nov  6 08:49:37 1994', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['soon', undefined],
  ])('reads Retry-After: %j', async (value, retryAfterMs) => {
    const busy = lines('HTTP/1.1 503 Busy', `retry-after: ${value}`, 'content-length: 0', '');
    expect(await outcome(writes(busy))).toMatchObject({ code: 'bad_status', status: 503, retryAfterMs });
  });

  test('reads Retry-After in the form of asctime as UTC, in any time zone', async () => {
    const { TZ } = process.env;
    onTestFinished(() => {
      if (TZ === undefined) delete process.env['TZ'];
      else process.env['TZ'] = TZ;
    });
    const hour = 3_600_000;
    for (const zone of ['America/New_York', 'Asia/Tokyo', 'UTC']) {
      process.env['TZ'] = zone;
      for (const date of ['Fri Jan  1 00:00:00 2100', 'Fri, 01 Jan 2100 00:00:00 GMT']) {
        const busy = lines('HTTP/1.1 503 Busy', `retry-after: ${date}`, 'content-length: 0', '');
        const { retryAfterMs } = await outcomeOver('http', writes(busy));
        const hours = (Date.UTC(2100, 0, 1) - Date.now() - Number(retryAfterMs)) / hour;
        expect([zone, date, Math.round(hours) === 0]).toEqual([zone, date, true]);
      }
    }
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
