import { describe, expect, test } from 'vitest';
import { startInProcess } from '../../service/in-process.ts';
import { records, start } from '../start.ts';
import { WireClient } from '../wire-client.ts';
import { raw } from './raw.ts';

const app = 'https://app.example';
const token = 'plain-token-0123456789';
const auth = { bearerTokens: [token] };
const cors = { origins: [app] };

const routes = [
  'POST /v1/enrich/test',
  'POST /v1/enrich/nowhere',
  'POST /v1/explain/test',
  'GET /v1/pipelines',
  'GET /v1/pipelines/test',
  'GET /openapi.json',
  'GET /openapi-3.1.json',
  'GET /openapi.yaml',
  'GET /docs',
  'GET /docs/',
  'GET /docs/json',
  'GET /nowhere',
  'OPTIONS /v1/enrich/test',
];

describe('a request for a page of another origin', () => {
  test.each(routes)('%s is answered with 403, and no lookup is called', async (line) => {
    const { port, downstream, refusals } = await start({ server: { cors } });
    const fields = [
      ['Origin: http://elsewhere.example'],
      ['Origin: null'],
      ['Origin: http://elsewhere.example', 'Content-Type: text/plain'],
      ['Origin: http://elsewhere.example', 'Content-Type: application/x-ndjson'],
      ['Origin: http://elsewhere.example', 'Access-Control-Request-Method: POST'],
      ['Sec-Fetch-Site: cross-site'],
      ['Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: navigate'],
    ];
    for (const more of fields) {
      const { status, head, body } = await raw(
        port,
        `${line} HTTP/1.1`,
        'Host: localhost',
        'Content-Length: 0',
        ...more,
      );
      expect([more, status, JSON.parse(body)]).toMatchObject([more, 403, { code: 'forbidden_origin' }]);
      expect(head).not.toMatch(/^access-control-/im);
    }
    expect(downstream.calls).toBe(0);
    expect(refusals.toObject().forbidden_origin).toBe(fields.length);
  });

  test('that waits for 100 Continue gets the 403 instead', async () => {
    const { port } = await start();
    const client = await WireClient.open(port);
    client.head('/v1/enrich/test', 'Content-Length: 9', 'Expect: 100-continue', 'Origin: http://elsewhere.example');
    await client.until('"code":"forbidden_origin"');
    expect(client.received).toMatch(/^HTTP\/1\.1 403 /);
    client.socket.destroy();
  });

  test('is refused on the admin listener too, except on /livez and /readyz, also if clients may use the other one', async () => {
    const { service } = await startInProcess(
      { t: { http: { url: 'http://127.0.0.1:9/{id}' } } },
      { enrich: [{ lookup: 't', with: { id: '/id' }, into: '/a' }] },
      {},
      { cors },
    );
    const port = Number(new URL(service.adminUrl).port);
    const answer = (line: string) => raw(port, `${line} HTTP/1.1`, 'Host: localhost', `Origin: ${app}`);
    for (const line of ['GET /metrics', 'GET /state', 'POST /reload', 'GET /nowhere', 'OPTIONS /state'])
      expect([line, (await answer(line)).status]).toEqual([line, 403]);
    for (const path of ['/livez', '/readyz']) expect((await answer(`GET ${path}`)).status).toBe(200);
  });
});

const preflight = (port: number, path: string, ...more: readonly string[]) =>
  raw(
    port,
    `OPTIONS ${path} HTTP/1.1`,
    'Host: localhost',
    `Origin: ${app}`,
    'Access-Control-Request-Method: POST',
    ...more,
  );

describe('a page of an allowed origin', () => {
  test('gets an answer to its preflight without a token', async () => {
    const { port, downstream } = await start({ server: { cors, auth } });
    const { status, head, body } = await preflight(port, '/v1/enrich/test');
    expect([status, body]).toEqual([204, '']);
    for (const field of [
      `access-control-allow-origin: ${app}`,
      'vary: Origin',
      'access-control-allow-methods: GET, HEAD, POST',
      'access-control-allow-headers: Authorization, Content-Encoding, Content-Type, X-Request-Id, Traceparent, Tracestate',
      'access-control-max-age: 600',
    ])
      expect(head.split('\r\n')).toContain(field);
    expect(head).not.toMatch(/credentials|private-network/i);
    const ofPublicPage = await preflight(port, '/v1/enrich/test', 'Access-Control-Request-Private-Network: true');
    expect(ofPublicPage.head).toMatch(/^access-control-allow-private-network: true$/m);
    expect((await preflight(port, '/nowhere')).status).toBe(404);
    expect(downstream.calls).toBe(0);
  });

  test('needs a token for any other request, and may read why', async () => {
    const { port } = await start({ server: { cors, auth } });
    for (const line of routes) {
      const { status, head } = await raw(port, `${line} HTTP/1.1`, 'Host: localhost', `Origin: ${app}`);
      expect([line, status]).toEqual([line, 401]);
      expect(head).toContain(`access-control-allow-origin: ${app}\r\n`);
    }
  });

  test('may read streams, records and their request ids', async () => {
    const { url } = await start({ server: { cors, auth } });
    const send = (type: string) =>
      fetch(`${url}/v1/enrich/test`, {
        method: 'POST',
        headers: { origin: app, authorization: `Bearer ${token}`, 'content-type': type },
        body: records(1),
      });
    for (const type of ['application/x-ndjson', 'application/json']) {
      const response = await send(type);
      expect([type, response.status, await response.text()]).toEqual([
        type,
        200,
        expect.stringContaining('"found":"1"'),
      ]);
      expect(response.headers.get('access-control-allow-origin')).toBe(app);
      expect(response.headers.get('vary')).toMatch(/^Origin(, Accept-Encoding)?$/);
      expect(response.headers.get('access-control-expose-headers')).toBe('X-Request-Id, Retry-After, WWW-Authenticate');
    }
  });
});

test('an answer to another client varies by Origin, so that no cache gives it to a page', async () => {
  const { url } = await start({ server: { cors } });
  const { headers } = await fetch(`${url}/v1/pipelines`);
  expect([headers.get('vary'), headers.get('access-control-allow-origin')]).toEqual(['Origin', null]);
});

test('a page of the listener itself is taken', async () => {
  const { url } = await start();
  const response = await fetch(`${url}/v1/pipelines`, { headers: { origin: url, 'sec-fetch-site': 'same-origin' } });
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, null]);
});
