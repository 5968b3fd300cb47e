import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { RecordError } from '../../../../src/core/errors.ts';
import { virtualClock } from '../../../../src/core/time/virtual-clock.ts';
import { AnswerParser } from '../../../../src/connectors/http/client/answer-parser.ts';
import type { HttpClient } from '../../../../src/connectors/http/client/http-client.ts';
import { LeanClients } from '../../../../src/connectors/http/client/lean-client.ts';
import { listen, openHttp } from '../far-end.ts';
import { cutAnswers, lines, ok, refusedAnswers, takenAnswers } from './answer-cases.ts';
import { anyRoute, type Arrived, certificate, type Protocol, rawServer } from './both-ends.ts';
import { readText, Receiver } from './read-answer.ts';
import { RecordedCall } from './recorded-call.ts';

const own = certificate();
const folder = mkdtempSync(join(tmpdir(), 'millrace-ca-'));
writeFileSync(join(folder, 'ca'), own.cert);
afterAll(() => rmSync(folder, { recursive: true }));

/** The answer to the first request of a connection, which is kept after it. */
const kept = `${lines(ok, 'content-length: 2', '')}{}`;
const ownAnswer = `${lines(ok, 'content-length: 9', '')}{"own":1}`;
const evil = `${lines(ok, 'content-length: 10', '')}{"evil":1}`;

async function serve(protocol: Protocol, onRequest: (request: Arrived) => void): Promise<string> {
  const { origin } = await listen(rawServer(protocol, own, onRequest));
  return origin.replace('http:', `${protocol}:`);
}

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

const writes =
  (text: string) =>
  ({ socket }: Arrived): void => {
    socket.write(text, 'latin1');
    if (endsWithClose(text)) socket.end();
  };

function ask(origin: string, method = 'GET'): { call: RecordedCall; client: HttpClient } {
  const client = new LeanClients({
    origin,
    method,
    tls: { ca: own.cert },
    route: anyRoute,
    clock: virtualClock(),
  }).create();
  onTestFinished(() => client.destroy());
  const call = new RecordedCall();
  client.dispatch(call);
  return { call, client };
}

describe.each<Protocol>(['http', 'https'])('over %s, the client', (protocol) => {
  test.each(takenAnswers)('takes an answer %s', async (_, text, { head }) => {
    const origin = await serve(protocol, writes(text));
    const { call, client } = ask(origin);
    const { status, body, reusable } = readText(text);
    expect(await call.done.promise).toBe(body);
    expect(call.head).toMatchObject({ status, ...head });
    expect(client.connected).toBe(reusable);
  });

  test.each(refusedAnswers)('refuses an answer %s, and closes the connection', async (_, text, message) => {
    const origin = await serve(protocol, writes(text));
    const { call, client } = ask(origin);
    await expect(call.done.promise).rejects.toMatchObject({
      name: 'MalformedAnswer',
      message: expect.stringMatching(message),
    });
    expect(client.connected).toBe(false);
  });

  test('takes the answer to HEAD without a body, whatever length it names, and keeps the connection', async () => {
    const origin = await serve(protocol, writes(lines(ok, 'content-length: 9', '')));
    const { call, client } = ask(origin, 'HEAD');
    expect(await call.done.promise).toBe('');
    expect([call.head?.contentLength, client.connected]).toEqual([9, true]);
  });

  test('takes an answer that comes byte by byte', async () => {
    const request = Promise.withResolvers<Arrived>();
    const { call } = ask(await serve(protocol, request.resolve));
    const { socket } = await request.promise;
    for (const byte of Buffer.from(cutAnswers[0] ?? '')) {
      socket.write(Buffer.of(byte));
      await turn();
    }
    expect(await call.done.promise).toBe('{}');
  });

  test.each<[when: string, first: (request: Arrived) => void]>([
    ['with the answer before it', ({ socket }) => void socket.write(kept + evil)],
    ['on its own', ({ socket }) => void socket.write(kept, () => socket.write(evil))],
  ])('gives a call its own answer after an answer that no call asked for came %s', async (_, first) => {
    const sockets = new Set<unknown>();
    const origin = await serve(protocol, (request) => {
      sockets.add(request.socket);
      (request.path === '/' ? first : writes(ownAnswer))(request);
    });
    const { call, client } = ask(origin);
    expect(await call.done.promise).toBe('{}');
    while (client.connected) await turn();
    const next = new RecordedCall('/next');
    client.dispatch(next);
    expect(await next.done.promise).toBe('{"own":1}');
    expect(sockets.size).toBe(2);
  });
});

interface Outcome {
  readonly json?: string | undefined;
  readonly code?: string;
  readonly message?: string;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Requests that the server has received for the call. */
  readonly requests: number;
}

/** Answers one request of a call; `number` counts its requests, the first is 1. */
type Script = (request: Arrived, number: number) => void;

/** A lookup of one connection. Each script answers a call on a kept connection. */
async function lookupOver(protocol: Protocol, more: object = {}): Promise<(script: Script) => Promise<Outcome>> {
  let answer: Script = writes(kept);
  let requests = 0;
  const origin = await serve(protocol, (request) => {
    requests += 1;
    answer(request, requests);
  });
  const tls = protocol === 'https' ? { ca: join(folder, 'ca') } : {};
  const { ask: call } = await openHttp({ url: `${origin}/x`, connections: 1, tls, ...more });
  return async (script) => {
    answer = writes(kept);
    await call();
    requests = 0;
    answer = script;
    try {
      const { json } = await call();
      return { json, requests };
    } catch (error) {
      const { code, message, details } = RecordError.from(error);
      const { status, retryAfterMs } = details;
      return { code, message: message.replaceAll(origin, 'ORIGIN'), status, retryAfterMs, requests };
    }
  };
}

/** A lookup over http and one over https, which have the same outcomes. */
async function lookup(more: object = {}): Promise<(script: Script) => Promise<Outcome>> {
  const [plain, secure] = await Promise.all([lookupOver('http', more), lookupOver('https', more)]);
  return async (script) => {
    const outcomes = await Promise.all([plain(script), secure(script)]);
    expect(outcomes[1]).toEqual(outcomes[0]);
    return outcomes[0];
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What a lookup makes of a whole answer. */
function expectedOutcome(text: string): Outcome {
  const { status = 0, body, head } = readText(text);
  if (status === 204) return { json: undefined, requests: 1 };
  if (status !== 200) return { code: 'bad_status', status, requests: 1 };
  const isPlain = /^(?:identity|none|utf-8|, )*$/.test(head?.contentEncoding ?? '');
  return isPlain && isJson(body) ? { json: body, requests: 1 } : { code: 'bad_response', status, requests: 1 };
}

describe('over http and https alike, a lookup', () => {
  test.each(refusedAnswers)('takes an answer %s for a bad response, and sends no second request', async (_, text) => {
    const call = await lookup();
    expect(await call(writes(text))).toMatchObject({
      code: 'bad_response',
      message: expect.stringMatching(/^the answer of ORIGIN is refused: /),
      requests: 1,
    });
  });

  test.each(takenAnswers)('takes an answer %s, and sends no second request', async (_, text) => {
    const call = await lookup();
    expect(await call(writes(text))).toMatchObject(expectedOutcome(text));
  });

  test.each<[how: string, cut: (request: Arrived) => void]>([
    ['ended', ({ socket }) => void socket.end()],
    ['reset', ({ reset }) => reset()],
  ])('sends a request once more if the connection is %s before the answer, but for POST', async (_, cut) => {
    const script: Script = (request, number) => (number > 1 ? writes(ownAnswer) : cut)(request);
    expect(await (await lookup())(script)).toEqual({ json: '{"own":1}', requests: 2 });
    expect(await (await lookup({ method: 'POST' }))(script)).toMatchObject({ code: 'unreachable', requests: 1 });
  });

  test.each<[how: string, cut: (request: Arrived) => void]>([
    ['ended', ({ socket }) => void socket.end()],
    ['reset', ({ reset }) => reset()],
  ])('is unreachable, and sends no second request, if an answer is %s at any of its bytes', async (_, cut) => {
    const call = await lookup();
    for (const text of cutAnswers) {
      for (let length = 1; length < text.length; length += 1) {
        const begun = text.slice(0, length);
        const outcome = await call((request) => void request.socket.write(begun, 'latin1', () => cut(request)));
        expect({ begun, ...outcome }).toMatchObject({ begun, code: 'unreachable', requests: 1 });
      }
    }
  });

  test.each([
    ['1 ', 1000],
    [' \t7\t ', 7000],
    ['Sun Nov  6 08:49:37 1994', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['soon', undefined],
  ])('reads Retry-After: %j', async (value, retryAfterMs) => {
    const call = await lookup();
    const busy = lines('HTTP/1.1 503 Busy', `retry-after: ${value}`, 'content-length: 0', '');
    expect(await call(writes(busy))).toMatchObject({ code: 'bad_status', status: 503, retryAfterMs });
  });

  test('reads Retry-After in the form of asctime as UTC, in any time zone', async () => {
    const { TZ } = process.env;
    onTestFinished(() => {
      if (TZ === undefined) delete process.env['TZ'];
      else process.env['TZ'] = TZ;
    });
    const call = await lookupOver('http');
    for (const zone of ['America/New_York', 'Asia/Tokyo', 'UTC']) {
      process.env['TZ'] = zone;
      for (const date of ['Fri Jan  1 00:00:00 2100', 'Fri, 01 Jan 2100 00:00:00 GMT']) {
        const busy = lines('HTTP/1.1 503 Busy', `retry-after: ${date}`, 'content-length: 0', '');
        const { retryAfterMs } = await call(writes(busy));
        const hoursOff = (Date.UTC(2100, 0, 1) - Date.now() - Number(retryAfterMs)) / 3_600_000;
        expect({ zone, date, hoursOff: Math.round(Math.abs(hoursOff)) }).toEqual({ zone, date, hoursOff: 0 });
      }
    }
  });
});
