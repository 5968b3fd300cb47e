import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { raw, type RawResponse } from '../http/access/raw.ts';
import { heldEnd } from '../connectors/http/far-end.ts';
import { startConfigured } from '../service/configured.ts';

/** A service with nothing configured but what it needs, and one of its two listeners. */
async function plain(which: 'clients' | 'admin') {
  const far = await heldEnd();
  const { service } = await startConfigured(`
lookups: { far: { http: { url: "${far.origin}/{key}" } } }
pipelines: { test: { enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }
`);
  const url = new URL(which === 'clients' ? service.url : service.adminUrl);
  const send = async (line: string, ...fields: string[]): Promise<RawResponse> =>
    raw(Number(url.port), `${line} HTTP/1.1`, 'Content-Length: 0', ...fields);
  return { url, far, send };
}

const routes: readonly (readonly [listener: 'clients' | 'admin', route: string])[] = [
  ['clients', 'POST /v1/enrich/test'],
  ['clients', 'POST /v1/explain/test'],
  ['clients', 'GET /v1/pipelines'],
  ['clients', 'GET /openapi.json'],
  ['clients', 'GET /docs'],
  ['admin', 'GET /metrics'],
  ['admin', 'GET /state'],
  ['admin', 'POST /reload'],
];

describe('API8 Security Misconfiguration: without any settings', () => {
  test.each(['clients', 'admin'] as const)('the listener for %s is reached from this machine only', async (which) => {
    const { url } = await plain(which);
    expect(url.hostname).toBe('127.0.0.1');
    const others = Object.values(networkInterfaces()).flatMap((all = []) =>
      all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:')),
    );
    // A listener on all addresses would have the port of each of them.
    for (const { address } of others) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen({ port: Number(url.port), host: address, exclusive: true }, resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test.each(routes)('%s: %s refuses a request that names another host', async (which, route) => {
    const { send, far } = await plain(which);
    const { status, body } = await send(route, 'Host: rebound.example');
    expect([status, JSON.parse(body)]).toMatchObject([421, { code: 'misdirected' }]);
    expect(far.seen).toEqual([]);
  });

  test.each(routes)('%s: %s refuses a web page of another origin, and shows it nothing', async (which, route) => {
    const { send, far } = await plain(which);
    for (const origin of ['https://elsewhere.example', 'null', 'http://localhost:1']) {
      const { status, head, body } = await send(route, 'Host: localhost', `Origin: ${origin}`);
      expect([origin, status, JSON.parse(body)]).toMatchObject([origin, 403, { code: 'forbidden_origin' }]);
      expect(head).not.toMatch(/^access-control-/im);
    }
    expect(far.seen).toEqual([]);
  });

  test.each([
    'GET /nowhere',
    'GET /%',
    'GET /v1/enrich/test',
    'TRACE /v1/enrich/test',
    'PUT /v1/enrich/test',
    'POST /v1/enrich/test?capacity=x',
    'POST /v1/enrich/../../etc/passwd',
    'GET /docs/static/../../package.json',
    'GET /docs/static/..%2f..%2fpackage.json',
    'GET /docs/static/a%5c..%5c..%5cpackage.json',
    'GET /docs/static/%00',
    'GET /.env',
  ])('the refusal of %s shows no file, no stack and no software', async (line) => {
    const { send } = await plain('clients');
    const { status, head, body } = await send(line, 'Host: localhost', 'Content-Type: application/x-ndjson');
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.parse(body)).toMatchObject({ code: expect.any(String), status });
    expect(body).not.toMatch(/node_modules|node:|\.[jt]s\b|\bat \S+ \(|fastify|undici/i);
    expect(head).not.toMatch(/^(?:server|x-powered-by|via):/im);
  });

  test('a misspelt key of security is a mistake, and no service starts', async () => {
    await expect(
      startConfigured(`
server: { auht: { bearerTokens: [0123456789abcdef] } }
lookups: { far: { http: { url: "http://127.0.0.1:9/{key}", denyAdresses: [loopback] } } }
pipelines: { test: { enrich: [ { lookup: far, with: { key: /key }, into: /answer } ], allow: { tokes: [a] } } }
`),
    ).rejects.toThrow(/server\.auht[\s\S]*denyAdresses[\s\S]*tokes/);
  });
});
