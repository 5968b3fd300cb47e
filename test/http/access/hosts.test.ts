import { describe, expect, test } from 'vitest';
import { start } from '../start.ts';
import { startInProcess } from '../../service/in-process.ts';
import { raw } from './raw.ts';

const step = { enrich: [{ lookup: 't', with: { id: '/id' }, into: '/a' }] };
const lookups = { t: { http: { url: 'http://127.0.0.1:9/{id}' } } };

describe('a request that names another host', () => {
  test.each([
    ['POST /v1/enrich/test', 'Content-Length: 0'],
    ['POST /v1/explain/test', 'Content-Length: 0'],
    ['GET /v1/pipelines'],
    ['GET /v1/pipelines/test'],
    ['GET /openapi.json'],
    ['GET /openapi-3.1.json'],
    ['GET /openapi.yaml'],
    ['GET /docs'],
    ['GET /docs/'],
    ['GET /docs/json'],
    ['GET /nowhere'],
    ['PATCH /v1/pipelines'],
    ['OPTIONS *'],
  ])('%s is answered with 421, and no lookup is called', async (line, ...more) => {
    const { port, downstream, refusals } = await start();
    const { status, body } = await raw(port, `${line} HTTP/1.1`, 'Host: rebound.example', ...more);
    expect([status, JSON.parse(body)]).toMatchObject([421, { code: 'misdirected' }]);
    expect(downstream.calls).toBe(0);
    expect(refusals.toObject().misdirected).toBe(1);
  });

  test('is refused on every route of the admin listener except /livez and /readyz', async () => {
    const { service } = await startInProcess(lookups, step);
    const port = Number(new URL(service.adminUrl).port);
    const statusOf = async (line: string, host: string): Promise<number> =>
      (await raw(port, `${line} HTTP/1.1`, `Host: ${host}`)).status;
    for (const line of ['GET /metrics', 'GET /state', 'POST /reload', 'GET /nowhere', 'PUT /reload', 'GET /']) {
      expect([line, await statusOf(line, 'rebound.example')]).toEqual([line, 421]);
    }
    for (const host of ['rebound.example', '10.1.2.3:8081', 'localhost'])
      for (const path of ['/livez', '/readyz', 'http://rebound.example/livez'])
        expect([path, await statusOf(`GET ${path}`, host)]).toEqual([path, 200]);
    expect(await statusOf('GET /metrics', `localhost:${port}`)).toBe(200);
    expect(await statusOf('GET //livez', 'rebound.example')).toBe(421);
    expect(await statusOf('GET /livez/../state', 'rebound.example')).toBe(421);
  });
});

test('the host of the target counts, and Host does not, if the target is a URL', async () => {
  const { port } = await start({ server: { allowedHosts: ['millrace.example'] } });
  const statusOf = async (target: string, host: string): Promise<number> =>
    (await raw(port, `GET ${target} HTTP/1.1`, `Host: ${host}`)).status;
  expect(await statusOf('http://millrace.example/v1/pipelines', 'rebound.example')).toBe(200);
  expect(await statusOf('http://rebound.example/v1/pipelines', 'millrace.example')).toBe(421);
});

test('a request of HTTP/1.0 without Host is taken', async () => {
  const { port } = await start({ server: { allowedHosts: ['millrace.example'] } });
  expect((await raw(port, 'GET /v1/pipelines HTTP/1.0')).status).toBe(200);
});

test('a listener on all addresses takes every host', async () => {
  const { port } = await start({ host: '0.0.0.0' });
  expect((await raw(port, 'GET /v1/pipelines HTTP/1.1', 'Host: any.example')).status).toBe(200);
});

test('the list of a new configuration holds for the next request of the same connection', async () => {
  const { url, replaceServer } = await start();
  const status = async (): Promise<number> => (await fetch(`${url}/v1/pipelines`)).status;
  expect(await status()).toBe(200);
  replaceServer({ allowedHosts: ['millrace.example'] });
  expect(await status()).toBe(421);
});

test('a refused request says what to do', async () => {
  const { port } = await start();
  const { body } = await raw(port, 'GET /v1/pipelines HTTP/1.1', 'Host: rebound.example:1');
  expect(JSON.parse(body)).toMatchObject({
    detail:
      'the request names the host "rebound.example:1": this address serves only localhost and loopback addresses; list the host in server.allowedHosts',
  });
});
