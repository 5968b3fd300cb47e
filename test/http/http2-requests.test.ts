import { once } from 'node:events';
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { drain } from '../../src/http/connection/drain.ts';
import { Http2Client, sessionTo } from './http2-client.ts';
import { enriched, records, start } from './start.ts';

interface Answered {
  readonly head: IncomingHttpHeaders;
  readonly body: string;
  readonly code: number;
}

/** Sends one request with its whole body. */
async function answerOf(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body = ''): Promise<Answered> {
  const stream = session.request(headers, { endStream: false });
  stream.setEncoding('utf8');
  stream.end(body);
  let received = '';
  stream.on('data', (chunk: string) => {
    received += chunk;
  });
  const [[head]] = (await Promise.all([once(stream, 'response'), once(stream, 'close')])) as [
    [IncomingHttpHeaders],
    unknown,
  ];
  return { head, body: received, code: stream.rstCode ?? 0 };
}

const token = 'a-token-of-32-characters-exactly';
const post = { ':method': 'POST', ':path': '/v1/enrich/test' };

describe('a request over HTTP/2 is refused as one over HTTP/1.1:', () => {
  test.each([
    ['another host', { ...post, ':authority': 'evil.example' }, 421, 'misdirected'],
    ['an unknown method', { ...post, ':method': 'ENRICH' }, 400, 'bad_request'],
    ['an unknown route', { ':path': '/nowhere' }, 404, 'unknown_route'],
    ['a method that the route has not', { ':path': '/v1/enrich/test', ':method': 'PUT' }, 405, 'method_not_allowed'],
    ['a parameter', { ...post, ':path': '/v1/enrich/test?capacity=0' }, 400, 'bad_parameter'],
    ['a media type', { ...post, 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['an expectation', { ...post, expect: 'wonders' }, 417, 'expectation_failed'],
    ['a page of another origin', { ...post, origin: 'https://evil.example' }, 403, 'forbidden_origin'],
    ['no token', { ...post, authorization: '' }, 401, 'unauthorized'],
  ])('%s', async (_, headers, status, code) => {
    const started = await start({ server: { auth: { bearerTokens: [token] } } });
    const session = sessionTo(started);
    const authorization = `Bearer ${token}`;
    const answer = await answerOf(session, { authorization, ...headers }, records(1));
    expect(answer.head).toMatchObject({ ':status': status, 'content-type': 'application/problem+json' });
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
    expect(answer.code).toBe(0);
    // The connection goes on.
    const next = await answerOf(session, { ...post, authorization }, records(1));
    expect(next.body).toBe(enriched(1));
  });

  test('more streams than limits.streams', async () => {
    const started = await start({ limits: { streams: 2 } });
    const session = sessionTo(started);
    const open = [1, 2].map(() => new Http2Client(session, '/v1/enrich/test'));
    for (const client of open) client.stream.write(records(1));
    await Promise.all(open.map((client) => client.until(() => client.received !== '')));
    const refused = await answerOf(session, post, records(1));
    expect(refused.head).toMatchObject({ ':status': 429, 'retry-after': '1' });
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'too_many_streams', limit: 2 });
  });
});

test('a body that is still being sent does not hide the answer that refuses it', async () => {
  const clock = virtualClock();
  const started = await start({ clock });
  const session = sessionTo(started);
  for (let round = 0; round < 20; round += 1) {
    const client = new Http2Client(session, '/v1/enrich/test', { 'content-type': 'text/plain' });
    const chunk = 'x'.repeat(16_000);
    for (let chunks = 0; chunks < 20; chunks += 1) client.stream.write(chunk);
    await client.until(() => client.received.endsWith('}'));
    expect(client.head).toMatchObject({ ':status': 415 });
    while (clock.timers === 0) await new Promise(setImmediate);
    await clock.advance(1000);
    expect(await client.untilClosed()).toBe(0);
  }
});

test('a client that waits for 100 gets it, and none if it is refused', async () => {
  const session = sessionTo(await start());
  let continues = 0;
  const stream = session.request({ ...post, expect: '100-continue' }, { endStream: false });
  stream.on('continue', () => {
    continues += 1;
    stream.end(records(1));
  });
  stream.setEncoding('utf8');
  const [text] = (await once(stream, 'data')) as [string];
  expect([text, continues]).toEqual([enriched(1), 1]);
  const refused = session.request(
    { ':method': 'POST', ':path': '/nowhere', expect: '100-continue' },
    { endStream: false },
  );
  refused.on('continue', () => {
    continues += 1;
  });
  const [head] = (await once(refused, 'response')) as [IncomingHttpHeaders];
  expect([head[':status'], continues]).toEqual([404, 1]);
  refused.close();
});

test('one record and its explanation are answered with their status', async () => {
  const session = sessionTo(await start());
  const json = { 'content-type': 'application/json' };
  const found = await answerOf(session, { ...post, ...json }, '{"key":"1"}');
  expect([found.head[':status'], found.body]).toEqual([200, '{"key":"1","answer":{"found":"1"}}']);
  const failed = await answerOf(session, { ...post, ...json }, '{"key":"broken"}');
  expect([failed.head[':status'], JSON.parse(failed.body)]).toMatchObject([502, { code: 'bad_status' }]);
  const explained = await answerOf(session, { ...post, ...json, ':path': '/v1/explain/test' }, '{"key":"1"}');
  expect([explained.head[':status'], JSON.parse(explained.body)]).toMatchObject([200, { pipeline: 'test' }]);
});

test('a single record whose client resets its stream is cancelled', async () => {
  const { url, downstream, streams } = await start();
  downstream.hold = true;
  const stream = sessionTo({ url }).request({ ...post, 'content-type': 'application/json' }, { endStream: false });
  stream.on('error', () => {});
  stream.end('{"key":"1"}');
  await downstream.until(() => downstream.held.length === 1);
  expect(streams.describe()).toMatchObject([{ mode: 'record', http: '2' }]);
  stream.close(8);
  await downstream.until(() => downstream.aborted === 1);
  expect(streams.size).toBe(0);
});

async function draining(drainTimeoutMs: number) {
  const clock = virtualClock();
  const started = await start({ clock, checkMs: 1000 });
  const session = sessionTo(started);
  const client = new Http2Client(session, '/v1/enrich/test?control=true');
  client.stream.write(records(1));
  await client.until(() => client.received === enriched(1));
  const goaway = once(session, 'goaway');
  const { app, streams, drainState, responses } = started;
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs });
  const [code, lastStream] = (await goaway) as [number, number];
  return { ...started, clock, session, client, drained, code, lastStream };
}

describe('a draining service', () => {
  test('sends GOAWAY, answers a stream that was on its way with 503, and lets running streams end', async () => {
    const { url, session, client, drained, code, lastStream, heard, clock } = await draining(30_000);
    expect([code, lastStream]).toEqual([0, 2 ** 31 - 1]);
    // The client of Node.js begins no stream after GOAWAY; on a new connection it gets the same answer.
    const refused = await answerOf(sessionTo({ url }), post, records(1));
    expect(refused.head).toMatchObject({ ':status': 503, 'retry-after': '1' });
    client.stream.end(records(2));
    expect(await client.untilClosed()).toBe(0);
    expect(client.received).toContain(enriched(2));
    expect(client.trailers).toMatchObject({ 'millrace-status': 'complete' });
    if (!session.closed) await once(session, 'close');
    expect(await drained).toBe(0);
    expect(heard.outcomes).toEqual(['completed']);
    await clock.advance(1000);
    expect(clock.timers).toBe(0);
  });

  test('gives a stream that runs longer than drainTimeout its last lines, and resets it', async () => {
    const { client, drained, clock, heard } = await draining(30_000);
    await clock.advance(31_000);
    expect(await client.untilClosed()).toBe(2);
    expect(client.received).toMatch(
      /\{"\$checkpoint":\{"next":1,"pending":\[\]\}\}\n\{"\$fatal":.*"code":"draining".*\}\n$/,
    );
    await clock.advance(1000);
    expect(await drained).toBe(1);
    expect(heard.outcomes).toEqual(['drained']);
  });
});
