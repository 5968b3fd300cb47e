import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { CallTrace } from '../../../src/core/observer/tracing.ts';
import { http } from '../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../src/connectors/http/http-options.ts';
import { httpEnd, openHttp } from './far-end.ts';

function problems(options: Readonly<Record<string, unknown>>): readonly string[] {
  const found = http.findings(httpOptions.parse({ url: 'http://h/{x}', ...options }));
  return found.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

async function echo(options: Readonly<Record<string, unknown>>, path = '/') {
  const { origin } = await httpEnd((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(JSON.stringify({ method: request.method, headers: request.headers, body })));
  });
  return openHttp({ url: `${origin}${path}`, ...options });
}

describe('a request', () => {
  test('has a user agent and the accepted media type, and no other headers', async () => {
    const { ask } = await echo({});
    const said: unknown = JSON.parse((await ask()).json ?? '');
    expect(said).toEqual({
      method: 'GET',
      body: '',
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip, br, zstd',
        'user-agent': 'millrace',
        host: expect.any(String),
        connection: 'keep-alive',
      },
    });
  });

  test('carries the trace of its stream after its own headers, both constant ones and those with arguments', async () => {
    const trace = new CallTrace('a'.repeat(32), 'b'.repeat(16), 1, 'foo=1');
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const context = new Cancellation(Infinity, 1, new InputEnd(trace));
    for (const headers of [{ 'x-code': 'SFO' }, { 'x-code': '{iata}' }]) {
      const { ask } = await echo({ headers });
      for (let call = 0; call < 2; call++) {
        const said: unknown = JSON.parse((await ask({ iata: 'SFO' }, context)).json ?? '');
        expect(said).toMatchObject({ headers: { 'x-code': 'SFO', traceparent, tracestate: 'foo=1' } });
      }
      const other: unknown = JSON.parse((await ask({ iata: 'SFO' })).json ?? '');
      expect(other).not.toHaveProperty('headers.traceparent');
    }
  });

  test('carries the traceparent of the configuration if it sets one', async () => {
    const context = new Cancellation(
      Infinity,
      1,
      new InputEnd(new CallTrace('a'.repeat(32), 'b'.repeat(16), 1, 'foo=1')),
    );
    for (const headers of [{ TraceParent: 'mine' }, { traceparent: '{mine}' }]) {
      const { ask } = await echo({ headers });
      const said: unknown = JSON.parse((await ask({ mine: 'mine' }, context)).json ?? '');
      expect(said).toMatchObject({ headers: { traceparent: 'mine' } });
      expect(said).not.toHaveProperty('headers.tracestate');
    }
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])(
    'by %s carries headers, authorization and a JSON body',
    async (method) => {
      const { ask } = await echo({
        method,
        headers: { Accept: 'application/vnd.x+json', 'X-Code': 'is {iata}' },
        auth: { basic: { username: 'me', password: 'pä:ss' } },
        body: { codes: ['{iata}'] },
      });
      for (let call = 0; call < 3; call++) {
        const said: unknown = JSON.parse((await ask({ iata: 'SFO' })).json ?? '');
        expect(said).toMatchObject({
          method,
          body: '{"codes":["SFO"]}',
          headers: {
            accept: 'application/vnd.x+json',
            'x-code': 'is SFO',
            'content-type': 'application/json',
            authorization: `Basic ${Buffer.from('me:pä:ss').toString('base64')}`,
          },
        });
      }
    },
  );

  test('is described with its secrets hidden', async () => {
    const { connector } = await openHttp({
      url: 'http://h:1/{iata}?key=1',
      method: 'POST',
      auth: { bearer: 's3cret' },
      headers: { 'X-Api-Key': 's3cret', Cookie: 's3cret', 'X-Code': '{iata}' },
      query: { access_token: 's3cret' },
      body: { code: '{iata}' },
    });
    const described = connector.describe({ iata: 'SFO' });
    expect(described).toMatchObject({
      method: 'POST',
      url: 'http://h:1/SFO?key=1&access_token=***',
      headers: { authorization: '***', 'x-api-key': '***', cookie: '***', 'x-code': 'SFO' },
      body: '{"code":"SFO"}',
    });
    expect(JSON.stringify(described)).not.toContain('s3cret');
  });
});

describe('the options', () => {
  test('have the defaults of the contract', () => {
    expect(httpOptions.parse({ url: 'http://h/' })).toEqual({
      url: 'http://h/',
      method: 'GET',
      headers: {},
      query: {},
      body: null,
      deadlineHeader: null,
      select: '',
      missStatus: [404, 204],
      connections: 256,
      pipelining: 1,
      client: 'lean',
      http2: false,
      maxPause: 30_000,
      maxResponseBytes: 1_048_576,
      tls: { ca: null, cert: null, key: null },
      denyAddresses: ['link-local', 'cloud-metadata', 'unspecified'],
      allowAddresses: null,
      proxy: 'none',
      auth: null,
    });
  });

  test('each have a description in the JSON Schema', () => {
    const schema = z.toJSONSchema(httpOptions, { io: 'input' });
    const missing = Object.entries(schema.properties ?? {}).filter(
      ([, one]) => typeof one === 'boolean' || one.description === undefined,
    );
    expect(missing).toEqual([]);
    expect(schema.required).toEqual(['url']);
    expect(schema.properties?.['maxResponseBytes']).toMatchObject({ default: '1MiB' });
  });

  test('name their parameters, each once', () => {
    const options = { url: 'http://h/{a}?x={b}', query: { y: '{c}' }, headers: { z: '{d}' }, body: ['{e}', '{a}'] };
    expect(http.parameters(httpOptions.parse(options))).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test.each([
    [{ url: 'http://{h}/' }, 'url: makes its host'],
    [{ url: 'http://h/{' }, 'url: "{" is not an argument'],
    [{ query: { a: '{' } }, 'query.a: "{" is not an argument'],
    [{ headers: { a: '}' } }, 'headers.a: "}"'],
    [{ headers: { 'a b': 'c' } }, 'headers.a b: is not a valid name'],
    [{ headers: { a: 'b\nc' } }, 'headers.a: has a control character'],
    [{ headers: { 'Content-Length': '1' } }, 'headers.Content-Length: is set by Millrace'],
    [{ headers: { Authorization: 'x' }, auth: { bearer: 'y' } }, 'headers.Authorization: is set by auth'],
    [{ body: { a: '{' } }, 'body: "{" is not an argument'],
    [{ select: 'a' }, 'select: '],
    [{ tls: { cert: 'a.pem' } }, 'tls: cert and key'],
  ])('%j is a problem at its place', (options, message) => {
    expect(problems(options)).toEqual([expect.stringContaining(message)]);
  });
});
