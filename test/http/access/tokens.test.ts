import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { startInProcess } from '../../service/in-process.ts';
import { enriched, records, start } from '../start.ts';
import { WireClient } from '../wire-client.ts';
import { raw } from './raw.ts';

const plain = 'plain-token-0123456789';
const named = 'named-token-0123456789';
const auth = { bearerTokens: [plain, { name: 'team-a', token: named }] };

const withToken = (token: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { authorization: `Bearer ${token}` },
});

describe('a request without a valid token', () => {
  test.each([
    ['POST /v1/enrich/test'],
    ['POST /v1/enrich/nowhere'],
    ['POST /v1/explain/test'],
    ['GET /v1/pipelines'],
    ['GET /v1/pipelines/test'],
    ['GET /openapi.json'],
    ['GET /openapi-3.1.json'],
    ['GET /openapi.yaml'],
    ['GET /docs'],
    ['GET /docs/'],
    ['GET /docs/json'],
    ['GET /docs/static/index.html'],
    ['GET /nowhere'],
    ['DELETE /v1/pipelines'],
    ['OPTIONS /v1/enrich/test'],
  ])('%s is answered with 401, and no lookup is called', async (line) => {
    const { port, downstream, refusals } = await start({ server: { auth } });
    const request = [`${line} HTTP/1.1`, 'Host: localhost', 'Content-Length: 0'];
    const without = await raw(port, ...request);
    expect([without.status, JSON.parse(without.body)]).toMatchObject([401, { code: 'unauthorized' }]);
    expect(without.head).toMatch(/^www-authenticate: Bearer$/im);
    const other = await raw(port, ...request, 'Authorization: Basic dGVzdDp0ZXN0');
    expect(other.head).toMatch(/^www-authenticate: Bearer$/im);
    const wrong = await raw(port, ...request, `Authorization: Bearer ${plain}x`);
    expect([wrong.status, JSON.parse(wrong.body)]).toMatchObject([401, { code: 'unauthorized' }]);
    expect(wrong.head).toMatch(/^www-authenticate: Bearer error="invalid_token"$/im);
    expect(downstream.calls).toBe(0);
    expect(refusals.toObject().unauthorized).toBe(3);
  });

  test('that waits for 100 Continue gets the 401 instead', async () => {
    const { port, downstream, heard } = await start({ server: { auth } });
    const client = await WireClient.open(port);
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked', 'Expect: 100-continue');
    await client.until('"code":"unauthorized"');
    expect(client.received).toMatch(/^HTTP\/1\.1 401 /);
    expect([downstream.calls, heard.opened, heard.rejected]).toEqual([0, 0, 0]);
    client.socket.destroy();
  });

  test('is answered before its body comes, and holds no stream', async () => {
    const { port, streams, memory } = await start({ server: { auth } });
    const client = await WireClient.open(port);
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
    client.chunk(records(1));
    await client.until('"code":"unauthorized"');
    expect([streams.size, memory.heldBytes]).toEqual([0, 0]);
    client.socket.destroy();
  });
});

test('a request with a valid token that waits for 100 Continue gets it', async () => {
  const { port } = await start({ server: { auth } });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Content-Length: 12', 'Expect: 100-continue', `Authorization: Bearer ${plain}`);
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.write(records(1));
  await client.until(enriched(1));
  expect(client.received.startsWith('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n')).toBe(true);
  client.socket.destroy();
});

describe('a pipeline with allow.tokens', () => {
  const pipeline = { allow: { tokens: ['team-a'] } };

  test('takes the tokens that it names', async () => {
    const { url } = await start({ server: { auth }, pipeline });
    const response = await fetch(`${url}/v1/enrich/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${named}`, 'content-type': 'application/x-ndjson' },
      body: records(1),
    });
    expect(await response.text()).toBe(enriched(1));
  });

  test.each([
    ['POST', '/v1/enrich/test'],
    ['POST', '/v1/explain/test'],
    ['GET', '/v1/pipelines/test'],
  ])('answers another token with 403: %s %s', async (method, path) => {
    const { url, downstream, refusals } = await start({ server: { auth }, pipeline });
    const response = await fetch(url + path, withToken(plain, { method }));
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      403,
      'Bearer error="insufficient_scope"',
    ]);
    expect(await response.json()).toMatchObject({ code: 'forbidden' });
    expect([downstream.calls, refusals.toObject().forbidden]).toEqual([0, 1]);
  });

  test('answers another token that waits for 100 Continue with the 403 instead', async () => {
    const { port } = await start({ server: { auth }, pipeline });
    const client = await WireClient.open(port);
    client.head('/v1/enrich/test', 'Content-Length: 9', 'Expect: 100-continue', `Authorization: Bearer ${plain}`);
    await client.until('"code":"forbidden"');
    expect(client.received).toMatch(/^HTTP\/1\.1 403 /);
    client.socket.destroy();
  });

  test('is not shown to another token', async () => {
    const { url } = await start({ server: { auth }, pipeline });
    const shown = async (path: string, token: string): Promise<string> =>
      (await fetch(url + path, withToken(token))).text();
    expect(await shown('/v1/pipelines', plain)).toBe('{"pipelines":[]}');
    expect(await shown('/v1/pipelines', named)).toContain('"test"');
    expect(JSON.parse(await shown('/v1/pipelines/nowhere', plain))).toMatchObject({ pipelines: [] });
    expect(JSON.parse(await shown('/v1/pipelines/tes', plain))).not.toHaveProperty('nearest');
    for (const path of ['/openapi.json', '/openapi-3.1.json', '/docs/json'])
      for (const [token, names] of [
        [plain, undefined],
        [named, ['test']],
      ] as const) {
        const { paths } = JSON.parse(await shown(path, token));
        expect([path, paths['/v1/enrich/{pipeline}'].post.parameters.at(-1).schema.enum]).toEqual([path, names]);
      }
  });
});

test('a token of the previous configuration is refused on the next request, and its running stream goes on', async () => {
  const { url, port, replaceServer } = await start({ server: { auth } });
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked', `Authorization: Bearer ${plain}`);
  client.chunk(records(1));
  await client.until(enriched(1));
  replaceServer({ auth: { bearerTokens: [named] } });
  expect((await fetch(`${url}/v1/pipelines`, withToken(plain))).status).toBe(401);
  expect((await fetch(`${url}/v1/pipelines`, withToken(named))).status).toBe(200);
  client.chunk(records(2));
  await client.until(enriched(2));
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  client.socket.destroy();
});

/** A service with a token for each listener. */
async function admin() {
  const { service } = await startInProcess(
    { t: { http: { url: 'http://127.0.0.1:9/{id}' } } },
    { enrich: [{ lookup: 't', with: { id: '/id' }, into: '/a' }] },
    {},
    { admin: { port: 0, auth: { bearerTokens: [named] } }, auth: { bearerTokens: [plain] } },
  );
  return service;
}

describe('server.admin.auth', () => {
  test('holds for every route of the admin listener except /livez and /readyz', async () => {
    const { adminUrl } = await admin();
    const status = async (method: string, path: string, init: RequestInit = {}): Promise<number> =>
      (await fetch(adminUrl + path, { method, ...init })).status;
    for (const [method, path, allowed] of [
      ['GET', '/metrics', 200],
      ['GET', '/state', 200],
      ['POST', '/reload', 200],
      ['GET', '/nowhere', 404],
      ['GET', '/', 404],
    ] as const) {
      expect([path, await status(method, path)]).toEqual([path, 401]);
      expect([path, await status(method, path, withToken(plain))]).toEqual([path, 401]);
      expect([path, await status(method, path, withToken(named))]).toEqual([path, allowed]);
    }
    for (const path of ['/livez', '/readyz']) expect(await status('GET', path)).toBe(200);
    const metrics = await (await fetch(`${adminUrl}/metrics`, withToken(named))).text();
    expect(metrics).toContain('millrace_requests_refused_total{reason="unauthorized"} 10\n');
  });

  test('lets a client with 100-continue wait for the answer, and not for a body', async () => {
    const { adminUrl } = await admin();
    const client = await WireClient.open(Number(new URL(adminUrl).port));
    client.head('/reload', 'Content-Length: 4', 'Expect: 100-continue');
    await client.until('"code":"unauthorized"');
    expect(client.received).toMatch(/^HTTP\/1\.1 401 /);
    client.socket.destroy();
    await once(client.socket, 'close');
  });
});
