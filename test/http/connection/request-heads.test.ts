import { describe, expect, test } from 'vitest';
import { startInProcess } from '../../service/in-process.ts';
import { enriched, records, start } from '../start.ts';
import { WireClient } from '../wire-client.ts';

/** Sends exactly this request; returns the status and the problem. */
async function raw(
  port: number,
  ...lines: readonly string[]
): Promise<{ status: number; problem: object; text: string }> {
  const client = await WireClient.open(port);
  client.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  await client.untilEnded();
  const text = client.received;
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  return { status: Number(text.split(' ')[1]), problem: body === '' ? {} : JSON.parse(body), text };
}

describe('the head of a request is refused with a problem if', () => {
  test.each([
    [['POST /v1/enrich/test HTTP/1.1', 'Host: a', 'Host: b'], 400, 'bad_request', /2 Host fields/],
    [
      ['GET /v1/pipelines HTTP/1.1', 'Host: localhost', 'Authorization: Bearer a', 'Authorization: Bearer b'],
      400,
      'bad_request',
      /2 Authorization fields/,
    ],
    [['GET /v1/pipelines HTTP/1.1'], 400, 'bad_request', /no Host field/],
    [
      ['POST /v1/enrich/test HTTP/1.1', 'Host: localhost', 'Expect: 200-maybe', 'Content-Length: 0'],
      417,
      'expectation_failed',
      /200-maybe/,
    ],
    [
      ['POST /v1/enrich/test HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: gzip, chunked', '', '0', ''],
      501,
      'unsupported_transfer_encoding',
      /gzip, chunked/,
    ],
    [
      ['POST /v1/explain/test HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: gzip, chunked', '', '0', ''],
      501,
      'unsupported_transfer_encoding',
      /gzip, chunked/,
    ],
  ])('%j', async (lines, status, code, detail) => {
    const { port } = await start();
    const answer = await raw(port, ...lines);
    expect(answer.text).toContain('application/problem+json');
    expect([answer.status, answer.problem]).toEqual([
      status,
      expect.objectContaining({ code, status, detail: expect.stringMatching(detail) }),
    ]);
  });

  test('HTTP/1.0 needs no Host', async () => {
    const { port } = await start();
    expect((await raw(port, 'GET /v1/pipelines HTTP/1.0')).status).toBe(200);
  });

  test('the next request on the connection of a refused expectation is answered', async () => {
    const { port } = await start();
    const client = await WireClient.open(port);
    client.write('POST /v1/enrich/test HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\nContent-Length: 0\r\n\r\n');
    await client.until('expectation_failed');
    client.write('GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until('{"pipelines":');
    client.socket.destroy();
    expect(client.received).toContain('HTTP/1.1 417 Expectation Failed');
  });
});

describe('a method that a path does not take is answered 405 with Allow:', () => {
  test.each([
    ['/v1/enrich/test', 'POST'],
    ['/v1/pipelines', 'GET, HEAD'],
    ['/v1/pipelines/test', 'GET, HEAD'],
    ['/v1/explain/test', 'POST'],
    ['/openapi.json', 'GET, HEAD'],
    ['/openapi-3.1.json', 'GET, HEAD'],
    ['/openapi.yaml', 'GET, HEAD'],
    ['/docs', 'GET, HEAD'],
    ['/docs/static/index.css', 'GET, HEAD'],
  ])('%s', async (path, allow) => {
    const { port } = await start();
    for (const method of ['TRACE', 'QUERY', 'PROPFIND', 'DELETE', 'M-SEARCH', 'OPTIONS']) {
      const { status, problem, text } = await raw(port, `${method} ${path} HTTP/1.1`, 'Host: localhost');
      expect([method, status, problem]).toEqual([method, 405, expect.objectContaining({ code: 'method_not_allowed' })]);
      expect(text.toLowerCase()).toContain(`\r\nallow: ${allow.toLowerCase()}\r\n`);
    }
  });

  test('the admin listener', async () => {
    const { adminUrl } = (
      await startInProcess(
        { table: { table: { file: 'examples/airports-table/airports.csv', key: 'iata' } } },
        { enrich: [{ lookup: 'table', with: { iata: '/origin' }, into: '/a' }] },
      )
    ).service;
    for (const path of ['/livez', '/readyz', '/metrics', '/state']) {
      const answer = await raw(Number(new URL(adminUrl).port), `PROPFIND ${path} HTTP/1.1`, 'Host: localhost');
      expect([answer.status, answer.text.toLowerCase()]).toEqual([405, expect.stringContaining('allow: get, head')]);
    }
  });

  test('an unknown path is 404, whatever the method', async () => {
    const { port } = await start();
    for (const method of ['GET', 'PROPFIND', 'QUERY', 'TRACE']) {
      expect((await raw(port, `${method} /nowhere HTTP/1.1`, 'Host: localhost')).status).toBe(404);
    }
  });
});

describe('Accept', () => {
  const ndjson = 'application/x-ndjson';
  test.each([
    ['text/event-stream;q=0.5, */*;q=0.1', 'text/event-stream'],
    ['*/*, application/x-ndjson;q=0', 'application/ndjson'],
    ['application/*;q=0.2, application/jsonl;q=0.1, text/*;q=0.1', ndjson],
    ['application/x-ndjson;q=0.1, application/*;q=0.9', 'application/ndjson'],
    ['text/event-stream, */*', 'text/event-stream'],
    ['application/jsonl, application/ndjson', 'application/jsonl'],
    ['*/*;q=0.1', ndjson],
    ['text/*;q=0, */*', ndjson],
    ['text/event-stream;q=0, text/*', undefined],
    ['*/*;q=0', undefined],
    ['application/*;q=0, */*;q=1', 'text/event-stream'],
  ])('%s', async (accept, expected) => {
    const { url } = await start();
    const response = await fetch(`${url}/v1/enrich/test`, {
      method: 'POST',
      headers: { 'content-type': ndjson, accept },
      body: records(1),
    });
    expect([response.status, expected === undefined ? undefined : response.headers.get('content-type')]).toEqual(
      expected === undefined ? [406, undefined] : [200, expected],
    );
  });

  test.each([
    ['application/json;q=0, */*', 406],
    ['application/*;q=0.5', 200],
    ['application/x-ndjson', 406],
  ])('%s, of one record', async (accept, status) => {
    const { url } = await start();
    const response = await fetch(`${url}/v1/enrich/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: '{"key":"1"}',
    });
    expect(response.status).toBe(status);
  });
});

test('a body of type application/octet-stream is read as lines', async () => {
  const { url } = await start();
  const response = await fetch(`${url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: records(1, 2),
  });
  expect([response.headers.get('content-type'), await response.text()]).toEqual([
    'application/x-ndjson',
    enriched(1, 2),
  ]);
});
