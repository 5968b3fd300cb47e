import { describe, expect, test } from 'vitest';
import { fetch } from './fetched.ts';
import { records, start } from './start.ts';
import { openStream } from './stream-client.ts';

const ndjson = { 'content-type': 'application/x-ndjson' };

async function refusal(url: string, init: RequestInit = {}) {
  const response = await fetch(url, { method: 'POST', body: records(1), headers: ndjson, ...init });
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({
    type: `urn:millrace:problem:${String(problem['code'])}`,
    status: response.status,
    instance: `urn:millrace:request:${response.headers.get('x-request-id')}`,
  });
  return { status: response.status, headers: response.headers, problem };
}

describe('a refused query parameter is named with its value and what is allowed:', () => {
  test.each([
    ['capacity=1000', 'capacity', '1000', /from 1 to 100/],
    ['capacity=0', 'capacity', '0', /from 1 to 100/],
    ['capacity=ten', 'capacity', 'ten', /whole number/],
    ['timeout=1h', 'timeout', '1h', /up to 10s, is allowed/],
    ['timeout=0', 'timeout', '0', /up to 10s, is allowed/],
    ['timeout=soon', 'timeout', 'soon', /a duration such as 500ms/],
    ['mode=keyed', 'mode', 'keyed', /pipeline test has no key: set pipelines\.test\.key/],
    ['mode=fifo', 'mode', 'fifo', /ordered, unordered, keyed/],
    [
      'onError=drop',
      'onError',
      'drop',
      /pipeline test allows only mode, capacity, timeout, control, checkpoint, offset/,
    ],
    ['contrl=true', 'contrl', 'true', /there is no parameter "contrl"; parameters: mode, .*; did you mean "control"\?/],
    ['control=yes', 'control', 'yes', /true, false/],
    ['checkpoint=5', 'checkpoint', '5', /needs control=true/],
    ['control=true&checkpoint=0', 'checkpoint', '0', /a number of lines from 1, or a duration from 10ms to 24h/],
    ['control=true&checkpoint=often', 'checkpoint', 'often', /a number of lines from 1/],
    ['offset=-1', 'offset', '-1', /a line number from 0/],
    ['offset=9007199254740993', 'offset', '9007199254740993', /from 0 to 1000000000000000 is allowed/],
    ['offset=9007199254740991', 'offset', '9007199254740991', /from 0 to 1000000000000000 is allowed/],
    ['offset=1000000000000001', 'offset', '1000000000000001', /from 0 to 1000000000000000 is allowed/],
    ['mode=ordered&mode=unordered', 'mode', ['ordered', 'unordered'], /more than once/],
  ])('%s', async (query, parameter, value, detail) => {
    const { url, heard } = await start();
    const { status, problem } = await refusal(`${url}/v1/enrich/test?${query}`);
    expect(status).toBe(400);
    expect(problem).toMatchObject({ code: 'bad_parameter', parameter, value, detail: expect.stringMatching(detail) });
    expect([heard.rejected, heard.opened]).toEqual([1, 0]);
  });
});

test.each([
  ['onerror=fail', 'onError'],
  ['mode=orderd', 'ordered'],
  ['onError=drp', 'drop'],
  ['meta=seq,timming', 'timing'],
  ['control=tru', 'true'],
])('a misspelled parameter or value is answered with the nearest one: %s', async (query, nearest) => {
  const { url } = await start({ pipeline: { allow: { parameters: ['mode', 'onError', 'meta'] } } });
  const { problem } = await refusal(`${url}/v1/enrich/test?${query}`);
  expect(problem).toMatchObject({ nearest, detail: expect.stringMatching(`; did you mean "${nearest}"\\?$`) });
});

test('a parameter or value that is near to none has no nearest one', async () => {
  const { url } = await start();
  for (const query of ['page=2', 'mode=fifo']) {
    const { problem } = await refusal(`${url}/v1/enrich/test?${query}`);
    expect([problem['code'], 'nearest' in problem]).toEqual(['bad_parameter', false]);
    expect(problem['detail']).not.toContain('did you mean');
  }
});

test('an unknown pipeline is answered with the names of all pipelines and the nearest one', async () => {
  const { url } = await start();
  const { status, problem } = await refusal(`${url}/v1/enrich/tets`);
  expect(status).toBe(404);
  expect(problem).toMatchObject({ code: 'unknown_pipeline', pipelines: ['test'], nearest: 'test' });
  expect(problem['detail']).toBe('there is no pipeline "tets"; pipelines: test; did you mean "test"?');
});

test.each([
  ['text/csv', 'unsupported_media_type', /text\/csv is not supported; send one of application\/x-ndjson/],
  ['application/x-ndjson; charset=latin1', 'unsupported_media_type', /UTF-8 only/],
  ['nonsense', 'unsupported_media_type', /this Content-Type is not supported; send one of/],
])('a body of type %s is refused', async (type, code, detail) => {
  const { url } = await start();
  const { status, problem } = await refusal(`${url}/v1/enrich/test`, { headers: { 'content-type': type } });
  expect([status, problem]).toEqual([415, expect.objectContaining({ code, detail: expect.stringMatching(detail) })]);
});

test.each(['deflate', 'compress', 'gzip, gzip', 'br, zstd', 'gzip, x-unknown'])(
  'a body whose Content-Encoding is %s is refused, and Accept-Encoding says which codings are read',
  async (coding) => {
    const { url } = await start();
    for (const [path, type] of [
      ['/v1/enrich/test', 'application/x-ndjson'],
      ['/v1/enrich/test', 'application/json'],
      ['/v1/explain/test', 'application/json'],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { status, problem, headers } = await refusal(url + path, {
        headers: { 'content-type': type, 'content-encoding': coding },
      });
      expect([status, problem['code']]).toEqual([415, 'unsupported_encoding']);
      expect(problem['detail']).toMatch(/send the body as one of gzip, br, zstd, or without a coding/);
      expect(headers.get('accept-encoding')).toBe('gzip, br, zstd');
    }
  },
);

test.each([
  ['application/x-ndjson', 'identity;q=0, deflate', ['zstd', 'gzip', 'br'], 'as zstd, gzip, br'],
  ['application/json', '*;q=0', ['zstd', 'gzip', 'br'], 'as zstd, gzip, br'],
  ['application/x-ndjson', 'identity;q=0, gzip', [], 'without a coding'],
] as const)('a body of type %s is not answered to Accept-Encoding: %s', async (type, coding, compression, rule) => {
  const { url } = await start({ server: { compression } });
  const { status, problem } = await refusal(`${url}/v1/enrich/test`, {
    headers: { 'content-type': type, 'accept-encoding': coding },
  });
  // `identity`, which the client refuses, is named only if there is no other coding.
  const given = compression.length === 0 ? ['identity'] : compression;
  expect([status, problem['code'], problem['given']]).toEqual([406, 'not_acceptable', given]);
  expect(problem['detail']).toBe(`Accept-Encoding is ${coding}; a response is sent ${rule}`);
});

test.each([
  ['application/x-ndjson', 'text/html'],
  ['application/x-ndjson', 'application/x-ndjson;q=0'],
  ['application/json', 'text/event-stream'],
])('a body of type %s is not answered as %s', async (type, accept) => {
  const { url } = await start();
  const { status, problem } = await refusal(`${url}/v1/enrich/test`, { headers: { 'content-type': type, accept } });
  expect([status, problem['code']]).toEqual([406, 'not_acceptable']);
});

test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is answered with the allowed method', async (method) => {
  const { url } = await start();
  const body = method === 'GET' ? {} : { body: records(1), headers: ndjson };
  const { status, headers, problem } = await refusal(`${url}/v1/enrich/test?mode=ordered`, {
    method,
    body: null,
    ...body,
  });
  expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  expect(problem['detail']).toMatch(`/v1/enrich/test takes POST, not ${method}`);
});

test('an unknown route is a problem, whatever its body', async () => {
  const { url } = await start();
  const { status, problem } = await refusal(`${url}/nowhere`, { headers: { 'content-type': 'text/csv' } });
  expect([status, problem['code']]).toEqual([404, 'unknown_route']);
});

test.each(['/livez', '/readyz', '/metrics?name=x', '/state', '/reload'])(
  'the admin listener is named for its path %s',
  async (path) => {
    const { url } = await start();
    const { status, problem } = await refusal(`${url}${path}`);
    const [name] = path.split('?');
    const detail = `${name} is a path of the admin listener (server.admin); /docs lists the routes of this listener`;
    expect([status, problem['code'], problem['detail']]).toEqual([404, 'unknown_route', detail]);
  },
);

test('a path that cannot be decoded is a problem', async () => {
  const { url } = await start();
  const { status, problem } = await refusal(`${url}/v1/enrich/%E0%A4`);
  expect([status, problem['code']]).toEqual([400, 'bad_request']);
});

test('a stream over limits.streams is answered with Retry-After', async () => {
  const { url, heard } = await start({ limits: { streams: 1 } });
  const first = await openStream(`${url}/v1/enrich/test`);
  expect(await first.answered()).toBe(200);
  const { status, headers, problem } = await refusal(`${url}/v1/enrich/test`);
  expect([status, headers.get('retry-after')]).toEqual([429, '1']);
  expect(problem).toMatchObject({ code: 'too_many_streams', limit: 1 });
  first.end();
  await heard.until(() => heard.outcomes.length === 1);
  expect((await fetch(`${url}/v1/enrich/test`, { method: 'POST', body: records(1), headers: ndjson })).status).toBe(
    200,
  );
});

test('a client receives a refusal although it is still sending its body', async () => {
  const { url } = await start();
  const body = 'x'.repeat(1_000_000);
  const statuses = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const response = await fetch(`${url}/v1/enrich/unknown`, { method: 'POST', body, headers: ndjson });
      await response.text();
      return response.status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([404]));
  expect(statuses).toHaveLength(50);
});

test('a client that keeps sending after a refusal is cut off', async () => {
  const { url } = await start();
  const client = await openStream(`${url}/v1/enrich/unknown`);
  await client.until('unknown_pipeline');
  client.send('more');
  await client.ended();
  expect(client.text).not.toContain('connection: close');
});

test('a client that leaves after a refusal leaves nothing behind', async () => {
  const { url } = await start();
  const client = await openStream(`${url}/v1/enrich/unknown`);
  await client.until('unknown_pipeline');
  expect(client.status).toBe(404);
  client.leave();
});
