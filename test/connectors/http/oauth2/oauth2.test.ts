import type { IncomingMessage, ServerResponse } from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import { virtualClock } from '../../../../src/core/time/virtual-clock.ts';
import { http } from '../../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../../src/connectors/http/http-options.ts';
import { httpBatchOptions } from '../../../../src/connectors/http/batch/http-batch-options.ts';
import { Limit } from '../../../../src/lookup/limit/limit.ts';
import type { Answer, Arguments } from '../../../../src/lookup/lookup.ts';
import { Heard, httpEnd, runtimeFor, tcpEnd } from '../far-end.ts';

interface TokenRequest {
  readonly headers: IncomingMessage['headers'];
  readonly form: Readonly<Record<string, string>>;
  readonly path: string | undefined;
}

async function textOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

/** A token endpoint that answers with `answer`, or grants `token-1`, `token-2` …; and the requests that it got. */
async function tokenEnd(answer?: (response: ServerResponse, number: number) => void) {
  const requests: TokenRequest[] = [];
  const grant = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = Object.fromEntries(new URLSearchParams(await textOf(request)));
    requests.push({ headers: request.headers, path: request.url, form });
    if (answer !== undefined) return answer(response, requests.length);
    const token = { access_token: `token-${requests.length}`, token_type: 'Bearer', expires_in: 3600 };
    response.end(JSON.stringify(token));
  };
  const end = await httpEnd((request, response) => void grant(request, response));
  return { url: `${end.origin}/token`, requests, sockets: end.sockets };
}

/** The lookup: it answers with the Authorization header that it got, or with 401 if `accepts` does not accept it. */
async function guardedEnd(accepts: (authorization: string) => boolean = () => true) {
  const seen: string[] = [];
  const end = await httpEnd((request, response) => {
    const { authorization = '' } = request.headers;
    seen.push(authorization);
    request.resume();
    if (!accepts(authorization)) response.statusCode = 401;
    response.end(JSON.stringify(authorization));
  });
  return { origin: end.origin, seen };
}

const credentials = { clientId: 'me', clientSecret: 's3cret-of-me' };

/** An open lookup on a clock of its own, behind the layer that lets calls wait. */
async function opened(origin: string, oauth2: object, options: object = {}) {
  const heard = new Heard();
  const clock = virtualClock();
  const parsed = httpOptions.parse({ url: `${origin}/x`, auth: { oauth2: { ...credentials, ...oauth2 } }, ...options });
  const connector = http.create(parsed, { ...runtimeFor(heard), clock });
  await connector.open();
  onTestFinished(() => connector.close());
  if (connector.gate === undefined) throw new Error('an HTTP lookup has a gate');
  const call = new Limit<Arguments, Answer>(connector.gate).layer(connector.call);
  const ask = async (args: Arguments = {}, context = new Cancellation()): Promise<Answer> => call(args, context);
  return { connector, heard, clock, ask };
}

describe.each(['lean', 'undici'])('with client: %s', (client) => {
  test('a call has a token that was requested for it with the credentials as RFC 6749 encodes them', async () => {
    const tokens = await tokenEnd();
    const { origin } = await guardedEnd();
    const { ask, heard } = await opened(
      origin,
      { tokenUrl: tokens.url, clientId: 'client:é', clientSecret: 'a b&c=+%', scope: 'read write', audience: 'api' },
      { client },
    );
    expect((await ask()).json).toBe('"Bearer token-1"');
    expect(tokens.requests).toMatchObject([
      {
        path: '/token',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          authorization: `Basic ${Buffer.from('client%3A%C3%A9:a+b%26c%3D%2B%25').toString('base64')}`,
        },
        form: { grant_type: 'client_credentials', scope: 'read write', audience: 'api' },
      },
    ]);
    expect(heard.tokens).toEqual(['token-1']);
    // The call alone is counted.
    expect(heard.outcomes).toEqual(['ok']);
  });

  test('authMethod post sends the credentials in the body, and parameters adds to it', async () => {
    const tokens = await tokenEnd();
    const { origin } = await guardedEnd();
    const oauth2 = { tokenUrl: `${tokens.url}?tenant=7`, authMethod: 'post', parameters: { resource: 'urn:x' } };
    const { ask } = await opened(origin, oauth2, { client });
    await ask();
    expect(tokens.requests[0]).toMatchObject({ path: '/token?tenant=7' });
    expect(tokens.requests[0]?.headers.authorization).toBeUndefined();
    expect(tokens.requests[0]?.form).toEqual({
      grant_type: 'client_credentials',
      client_id: 'me',
      client_secret: 's3cret-of-me',
      resource: 'urn:x',
    });
  });

  test('all calls share one token and one request for it', async () => {
    const tokens = await tokenEnd();
    const { origin, seen } = await guardedEnd();
    const { ask } = await opened(origin, { tokenUrl: tokens.url }, { client, connections: 8 });
    await Promise.all(Array.from({ length: 40 }, () => ask()));
    expect([new Set(seen), seen.length, tokens.requests.length]).toEqual([new Set(['Bearer token-1']), 40, 1]);
  });

  test('calls that were refused with 401 are sent once more, with one fresh token for all', async () => {
    const tokens = await tokenEnd();
    const { origin, seen } = await guardedEnd((authorization) => authorization !== 'Bearer token-1');
    const { ask, clock, heard } = await opened(
      origin,
      { tokenUrl: tokens.url },
      { client, method: 'POST', body: { id: 1 }, connections: 8 },
    );
    await expect(ask()).rejects.toMatchObject({ code: 'bad_status', details: { status: 401 } });
    await clock.advance(10_000);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask()));
    expect(answers.map(({ json }) => json)).toEqual(Array.from({ length: 8 }, () => '"Bearer token-2"'));
    expect([tokens.requests.length, seen.length]).toEqual([2, 17]);
    expect(heard.outcomes).toEqual(['bad_status', ...answers.map(() => 'ok')]);
  });

  test('a call that is refused twice fails, and its fresh token is kept', async () => {
    const tokens = await tokenEnd();
    const { origin, seen } = await guardedEnd(() => false);
    const { ask, clock } = await opened(origin, { tokenUrl: tokens.url }, { client });
    await expect(ask()).rejects.toMatchObject({ details: { status: 401 } });
    await clock.advance(10_000);
    for (let call = 0; call < 3; call += 1) await expect(ask()).rejects.toMatchObject({ details: { status: 401 } });
    expect(seen).toEqual(['1', '1', '2', '2', '2'].map((number) => `Bearer token-${number}`));
    expect(tokens.requests).toHaveLength(2);
  });

  test('a 401 with a body that is too large to read is sent again as well', async () => {
    const tokens = await tokenEnd();
    const { origin } = await httpEnd((request, response) => {
      if (request.headers.authorization === 'Bearer token-1') response.writeHead(401).end('x'.repeat(200_000));
      else response.end('"fresh"');
    });
    const { ask, clock } = await opened(origin, { tokenUrl: tokens.url }, { client });
    await ask().catch(() => {});
    await clock.advance(10_000);
    expect((await ask()).json).toBe('"fresh"');
  });

  test('a call that is cancelled while it waits for a fresh token leaves its connection to the next call', async () => {
    const held: (() => void)[] = [];
    const tokens = await tokenEnd((response, number) => {
      const grant = (): void => void response.end(JSON.stringify({ access_token: `token-${number}` }));
      if (number === 2) held.push(grant);
      else grant();
    });
    const { origin } = await guardedEnd((authorization) => authorization !== 'Bearer token-1');
    const { ask, clock } = await opened(origin, { tokenUrl: tokens.url }, { client, connections: 1 });
    await ask().catch(() => {});
    await clock.advance(10_000);
    const context = new Cancellation();
    const refused = ask({}, context);
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    context.cancel('left');
    await expect(refused).rejects.toMatchObject({ code: 'cancelled' });
    const next = ask();
    held[0]?.();
    expect((await next).json).toBe('"Bearer token-2"');
  });

  test('a lookup that closes while calls wait for a fresh token fails them', async () => {
    const tokens = await tokenEnd((response, number) => {
      if (number === 1) response.end(JSON.stringify({ access_token: 'token-1' }));
    });
    const { origin } = await guardedEnd((authorization) => authorization !== 'Bearer token-1');
    const { ask, clock, connector } = await opened(origin, { tokenUrl: tokens.url }, { client });
    await ask().catch(() => {});
    await clock.advance(10_000);
    const refused = ask().catch((error: unknown) => error);
    while (tokens.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await connector.close();
    expect(await refused).toMatchObject({ code: 'cancelled', message: 'the lookup is closed' });
  });
});

test('a real OAuth2 server grants a token for the right secret, and none for a wrong one', async () => {
  const granted = new Map<string, OAuth2Server.Token>();
  const server = new OAuth2Server({
    accessTokenLifetime: 1200,
    model: {
      getClient: async (id, secret) =>
        id === 'me' && secret === 's3cret-of-me' ? { id, grants: ['client_credentials'] } : false,
      getUserFromClient: async () => ({ name: 'me' }),
      saveToken: async (token, owner, user) => {
        const saved = { ...token, client: owner, user };
        granted.set(token.accessToken, saved);
        return saved;
      },
      validateScope: async (_user, _client, scope) => scope,
      getAccessToken: async (token) => granted.get(token),
    },
  });
  const answerTo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = new OAuth2Server.Response({ headers: {} });
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const body = Object.fromEntries(new URLSearchParams(await textOf(request)));
    const asked = new OAuth2Server.Request({ method: request.method ?? '', headers, body, query: {} });
    try {
      if (request.url === '/token') await server.token(asked, answer);
      else answer.body = { scope: (await server.authenticate(asked, answer)).scope };
    } catch {
      // The answer has the error.
    }
    response.writeHead(answer.status ?? 500, answer.headers).end(JSON.stringify(answer.body));
  };
  const { origin } = await httpEnd((request, response) => void answerTo(request, response));
  for (const authMethod of ['basic', 'post']) {
    const good = await opened(origin, { tokenUrl: `${origin}/token`, authMethod, scope: 'read' });
    expect((await good.ask()).json).toBe('{"scope":["read"]}');
    const wrong = await opened(origin, { tokenUrl: `${origin}/token`, authMethod, clientSecret: 'wrong-s3cret' });
    await expect(wrong.ask()).rejects.toMatchObject({
      code: 'bad_status',
      message: expect.stringMatching(
        /^no access token from http:\S+\/token: it answered 40[01] \(invalid_client\)$/,
      ) as string,
    });
  }
});

describe('a token endpoint', () => {
  const echo = 's3cret-of-me in the body';

  test.each<[string, number, string, string, string]>([
    [
      'an error of RFC 6749',
      400,
      '{"error":"invalid_scope","error_description":"s3cret-of-me"}',
      'bad_status',
      'it answered 400 (invalid_scope)',
    ],
    ['an error with other words', 403, '{"error":"s3cret-of-me"}', 'bad_status', 'it answered 403'],
    ['an error page', 404, echo, 'bad_status', 'it answered 404'],
    ['too many requests', 429, echo, 'unreachable', 'it answered 429'],
    [
      'a failure',
      503,
      '{"error":"temporarily_unavailable"}',
      'unreachable',
      'it answered 503 (temporarily_unavailable)',
    ],
    ['a page instead of JSON', 200, echo, 'bad_response', 'its answer is not a JSON object'],
    ['JSON that is no object', 200, '["s3cret-of-me"]', 'bad_response', 'its answer is not a JSON object'],
    ['no UTF-8', 200, '\xFF', 'bad_response', 'its answer is not a JSON object'],
    ['no body', 200, '', 'bad_response', 'its answer is not a JSON object'],
    ['no token', 200, '{"token":"s3cret-of-me"}', 'bad_response', 'its answer has no access_token'],
    ['an empty token', 200, '{"access_token":""}', 'bad_response', 'its answer has no access_token'],
    ['a token that is a number', 200, '{"access_token":7}', 'bad_response', 'its answer has no access_token'],
    [
      'a token that would end a header',
      200,
      '{"access_token":"a\\r\\nx: y"}',
      'bad_response',
      'its answer has an access_token with characters that a header cannot have',
    ],
    [
      'a token beyond ASCII',
      200,
      '{"access_token":"\\u00e9"}',
      'bad_response',
      'its answer has an access_token with characters that a header cannot have',
    ],
    [
      'another type of token',
      200,
      '{"access_token":"a","token_type":"mac"}',
      'bad_response',
      'its answer has a token_type other than "bearer"',
    ],
    [
      'a life of 0',
      200,
      '{"access_token":"a","expires_in":0}',
      'bad_response',
      'its answer has an expires_in that is not a number of at least 1',
    ],
    [
      'a life in words',
      200,
      '{"access_token":"a","expires_in":"soon"}',
      'bad_response',
      'its answer has an expires_in that is not a number of at least 1',
    ],
    [
      'an answer over 64 KiB',
      200,
      `{"access_token":"${'a'.repeat(65_536)}"}`,
      'bad_response',
      'its answer is larger than 64 KiB',
    ],
  ])('that answers with %s is the failure of the record, without its body', async (_, status, body, code, why) => {
    const tokens = await tokenEnd((response) => void response.writeHead(status).end(Buffer.from(body, 'latin1')));
    const { origin, seen } = await guardedEnd();
    const { ask, heard } = await opened(origin, { tokenUrl: `${tokens.url}?key=s3cret-of-me` });
    await expect(ask()).rejects.toMatchObject({
      code,
      message: `no access token from ${tokens.url}: ${why}`,
      // No call of the lookup was made, and its status is not that of the lookup.
      details: { attempts: 0 },
    });
    expect([seen, heard.outcomes]).toEqual([[], []]);
  });

  test.each([
    ['{"access_token":"a.b-c","token_type":"BEARER","expires_in":"3600"}', '"Bearer a.b-c"'],
    ['{"access_token":"a.b-c","expires_in":null,"scope":"x"}', '"Bearer a.b-c"'],
    ['{"access_token":"a.b-c","token_type":"bearer","expires_in":59.5}', '"Bearer a.b-c"'],
  ])('may answer with %s', async (body, expected) => {
    const tokens = await tokenEnd((response) => void response.end(body));
    const { origin } = await guardedEnd();
    const { ask } = await opened(origin, { tokenUrl: tokens.url });
    expect((await ask()).json).toBe(expected);
  });

  test('is not followed when it redirects: the credentials go nowhere else', async () => {
    const elsewhere = await tokenEnd();
    const tokens = await tokenEnd((response) => void response.writeHead(307, { location: elsewhere.url }).end());
    const { origin } = await guardedEnd();
    const { ask } = await opened(origin, { tokenUrl: tokens.url });
    await expect(ask()).rejects.toMatchObject({
      code: 'bad_status',
      message: `no access token from ${tokens.url}: it answered 307; redirects are never followed: configure that address`,
    });
    expect(elsewhere.requests).toEqual([]);
  });

  test('that is dead fails the calls at once for a while, with one connection and not one for each record', async () => {
    let connections = 0;
    const dead = await tcpEnd((socket) => {
      connections += 1;
      socket.destroy();
    });
    const { origin } = await guardedEnd();
    const { ask, clock } = await opened(origin, { tokenUrl: `${dead.origin}/token` });
    for (let record = 0; record < 20; record += 1)
      await expect(ask()).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`no access token from ${dead.origin}/token: no complete answer`) as string,
      });
    expect(connections).toBe(1);
    await clock.advance(250);
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
    expect(connections).toBe(2);
  });

  test('that does not answer fails the calls after the timeout of the token', async () => {
    const silent = await tokenEnd(() => {});
    const { origin } = await guardedEnd();
    const { ask, clock } = await opened(origin, { tokenUrl: silent.url, timeout: '3s' });
    const asked = ask().catch((error: unknown) => error);
    while (silent.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(3000);
    expect(await asked).toMatchObject({
      code: 'timeout',
      message: `no access token from ${silent.url}: no answer within 3000 ms`,
    });
  });

  test('has to be at an address that the lookup permits', async () => {
    const tokens = await tokenEnd();
    const port = new URL(tokens.url).port;
    const { origin } = await guardedEnd();
    const { ask } = await opened(
      origin,
      { tokenUrl: `http://localhost:${port}/token` },
      { denyAddresses: ['loopback'] },
    );
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^no access token from .*localhost leads to .*denyAddresses has loopback/,
      ) as string,
      details: { final: true },
    });
    expect(tokens.requests).toEqual([]);
  });

  test.each([
    ['ftp://a.example/token', 'is not an address: expected http:// or https:// and a host'],
    ['/token', 'is not an address: expected http:// or https:// and a host'],
    ['https://me:s3cret-of-me@a.example/token', 'has a user name: write clientId and clientSecret'],
    ['https://a.example/token#x', 'has a fragment ("#"), which is never sent'],
    [
      'https://10.0.0.1/token',
      'no connection is opened to 10.0.0.1: denyAddresses has 10.0.0.0/8; change denyAddresses or allowAddresses, or name another address',
    ],
  ])('cannot be %s', (tokenUrl, message) => {
    const options = httpOptions.parse({
      url: 'https://a.example/',
      auth: { oauth2: { ...credentials, tokenUrl } },
      denyAddresses: ['10.0.0.0/8'],
    });
    expect(http.findings(options)).toEqual([{ path: ['auth', 'oauth2', 'tokenUrl'], message }]);
  });
});

describe('a lookup with oauth2', () => {
  test('has the same key for a request, whatever its token is', async () => {
    const tokens = await tokenEnd();
    const { origin } = await guardedEnd();
    const { connector, ask, clock } = await opened(origin, { tokenUrl: tokens.url });
    const key = (): string | undefined => {
      const found = connector.requestKey?.({}, new Cancellation(), 1);
      return typeof found === 'string' ? found : found?.text;
    };
    const before = key();
    await ask();
    expect(key()).toBe(before);
    await clock.advance(3_600_000);
    await ask();
    expect(tokens.requests).toHaveLength(2);
    expect(key()).toBe(before);
    expect(key()).not.toContain('token-');
  });

  test('shows that it has an Authorization header, and not which', async () => {
    const { origin } = await guardedEnd();
    const { connector } = await opened(origin, { tokenUrl: `${origin}/token` });
    expect(connector.describe({})).toMatchObject({ headers: { authorization: '***' } });
  });

  test('fetches a token when it is tried', async () => {
    const tokens = await tokenEnd();
    const { origin } = await guardedEnd();
    const { connector } = await opened(origin, { tokenUrl: tokens.url });
    expect(await connector.reach(new Cancellation())).toBe(`connected to ${origin}, with an access token`);
    expect(tokens.requests).toHaveLength(1);
    const refused = await tokenEnd((response) => void response.writeHead(401).end('{"error":"invalid_client"}'));
    const other = await opened(origin, { tokenUrl: refused.url });
    await expect(other.connector.reach(new Cancellation())).rejects.toMatchObject({
      message: `no access token from ${refused.url}: it answered 401 (invalid_client)`,
    });
  });

  test('sends its token with a batch as well', async () => {
    const tokens = await tokenEnd();
    const { origin } = await httpEnd(({ headers }, response) =>
      response.end(JSON.stringify([headers.authorization, 2])),
    );
    const auth = { oauth2: { ...credentials, tokenUrl: tokens.url } };
    const options = httpOptions.parse({ url: `${origin}/x/{id}`, auth });
    const batch = { http: httpBatchOptions.parse({ url: `${origin}/many`, query: { ids: '{id}' } }) };
    const connector = http.create(options, runtimeFor(), batch);
    await connector.open();
    onTestFinished(() => connector.close());
    await connector.reach(new Cancellation());
    const replies = await connector.callMany?.([{ id: 1 }, { id: 2 }], new Cancellation());
    expect(replies?.map((reply) => ('json' in reply ? reply.json : reply))).toEqual(['"Bearer token-1"', '2']);
  });
});
