import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { constants, createBrotliCompress, createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { contentCodings } from '../../../src/core/vocabulary.ts';
import { coded, decoded } from '../../wire/coding/bodies.ts';
import { enriched, records, start } from '../start.ts';
import { CodedClient } from './coded-client.ts';

const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const encoders = { gzip: createGzip, br: () => createBrotliCompress(fast), zstd: createZstdCompress };
const ndjson = { 'content-type': 'application/x-ndjson' };

/** Sends a whole body and reads the whole response, which may be coded. */
async function post(url: string, headers: Readonly<Record<string, string>>, body: Buffer | string) {
  const request = httpRequest(url, { method: 'POST', headers });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return {
    status: response.statusCode,
    headers: response.headers,
    body: await buffer(response),
    trailers: response.trailers,
  };
}

/** Characters that cannot be compressed much, so that the sockets are full soon. */
const line = (): string => `{"key":"1","more":"${randomBytes(9000).toString('base64')}"}\n`;

describe.each(contentCodings)('a stream that is coded as %s', (coding) => {
  const both = { ...ndjson, 'content-encoding': coding, 'accept-encoding': coding };

  test('brings each result as soon as it is there, line by line', async () => {
    const { url, streams } = await start();
    const client = (await CodedClient.open(`${url}/v1/enrich/test`, both)).read();
    expect(client.response.headers).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding' });
    const encoder = encoders[coding]();
    encoder.pipe(client.request);
    for (let key = 1; key <= 20; key += 1) {
      encoder.write(records(key));
      encoder.flush();
      // oxlint-disable-next-line no-await-in-loop
      await client.until(() => client.text.endsWith(enriched(key)));
    }
    expect(streams.describe()).toMatchObject([{ requestCoding: coding, responseCoding: coding, read: 20 }]);
    encoder.end();
    await client.ended();
    expect([client.complete, client.cut]).toEqual([true, false]);
    expect(client.text).toBe(enriched(...Array.from({ length: 20 }, (_, at) => at + 1)));
    expect(client.response.trailers).toMatchObject({ 'millrace-status': 'complete', 'millrace-written': '20' });
  });

  test('counts the bytes of the lines, not those of the wire', async () => {
    const { url, heard } = await start();
    const keys = Array.from({ length: 500 }, (_, at) => at);
    const { body } = await post(`${url}/v1/enrich/test`, both, coded[coding](records(...keys)));
    expect(decoded[coding](body).toString()).toBe(enriched(...keys));
    expect([heard.receivedBytes, heard.sentBytes]).toEqual([records(...keys).length, enriched(...keys).length]);
  });

  test('that breaks off is cut, after the results of its whole lines', async () => {
    const { url, downstream, heard } = await start();
    downstream.hold = true;
    const client = (await CodedClient.open(`${url}/v1/enrich/test?control=true`, both)).read();
    const encoder = encoders[coding]();
    const parts: Buffer[] = [];
    encoder.on('data', (part: Buffer) => parts.push(part));
    encoder.write(records(1, 2) + records(3).slice(0, -2));
    await new Promise<void>((resolve) => {
      encoder.flush(() => resolve());
    });
    client.request.end(Buffer.concat(parts));
    await downstream.until(() => downstream.held.length === 2);
    expect(client.complete).toBe(undefined);
    for (const call of downstream.held) call.answer({ found: call.key });
    await client.ended();
    expect(client.text).toMatch(
      /^\{"key":"1".*\}\n\{"key":"2".*\}\n\{"\$checkpoint":\{"next":2,"pending":\[\]\}\}\n\{"\$fatal":\{.*breaks off before the end of its.*"code":"bad_body".*\}\}\n$/,
    );
    expect([client.complete, client.cut, heard.outcomes]).toEqual([false, true, ['failed']]);
    expect(client.response.trailers).toEqual({});
  });

  test.each([
    ['the empty body', Buffer.alloc(0), /the body is empty, which is not/],
    ['bytes that are not of the coding', Buffer.from(records(1)), /the body is not valid|breaks off/],
    [
      'bytes behind its end',
      Buffer.concat([coded[coding](records(1)), Buffer.from('garbage')]),
      /not valid|more bytes/,
    ],
  ])('is cut: %s', async (_, body, detail) => {
    const { url } = await start();
    const client = (await CodedClient.open(`${url}/v1/enrich/test?control=true`, both)).read();
    client.request.end(body);
    await client.ended();
    expect(client.text).toMatch(/"code":"bad_body"/);
    expect(client.text).toMatch(detail);
    expect([client.complete, client.cut]).toEqual([false, true]);
  });

  test('is cut if it is a bomb', async () => {
    const { url, heard } = await start();
    const client = (await CodedClient.open(`${url}/v1/enrich/test?control=true`, both)).read();
    client.request.end(coded[coding](Buffer.alloc(64 * 1024 * 1024)));
    await client.ended();
    expect(client.text).toMatch(/"\$fatal":\{.*limits\.decompressionRatio.*"code":"decompression_ratio"/);
    expect([client.complete, client.cut, heard.outcomes]).toEqual([false, true, ['failed']]);
  });

  test('is incomplete for a client that decodes it, if it is cut', async () => {
    const { url, streams } = await start({ pipeline: { onError: 'fail' } });
    const client = (await CodedClient.open(`${url}/v1/enrich/test`, both)).read();
    const encoder = encoders[coding]();
    encoder.pipe(client.request);
    encoder.write(records(1));
    encoder.flush();
    await client.until(() => client.text === enriched(1));
    encoder.write(records('broken'));
    encoder.flush();
    await client.ended();
    expect([client.text, client.complete, client.cut, streams.size]).toEqual([enriched(1), false, true, 0]);
  });

  test('without a line is a coded body without a line', async () => {
    const { url } = await start();
    const { body, trailers } = await post(`${url}/v1/enrich/test`, both, coded[coding](''));
    expect([decoded[coding](body).length, trailers['millrace-read']]).toEqual([0, '0']);
  });

  test('whose client does not read stops its body, and comes whole when the client reads again', async () => {
    const { url, heard, streams, memory } = await start({
      pipeline: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }] },
    });
    const client = await CodedClient.open(`${url}/v1/enrich/test`, both);
    const encoder = encoders[coding]();
    encoder.pipe(client.request);
    const lines = 3000;
    const sending = (async () => {
      // oxlint-disable-next-line no-await-in-loop
      for (let at = 0; at < lines; at += 1) if (!encoder.write(line())) await once(encoder, 'drain');
      encoder.end();
    })();
    // oxlint-disable-next-line no-await-in-loop
    while (streams.describe()[0]?.['backpressure'] !== 'slow_reader') await laterTurn();
    // oxlint-disable-next-line no-await-in-loop
    for (let turns = 0; turns < 200; turns += 1) await laterTurn();
    expect(heard.receivedBytes).toBeLessThan(lines * 12_000 * 0.8);
    expect(memory.heldBytes).toBeLessThan(2 * 1024 * 1024);
    client.read();
    await sending;
    await client.ended();
    expect([client.complete, client.text.split('\n').length]).toEqual([true, lines + 1]);
    expect(client.response.trailers['millrace-written']).toBe(String(lines));
  }, 60_000);

  test('may have any framing', async () => {
    const { url } = await start();
    for (const [accept, expected] of [
      ['text/event-stream', `data: ${enriched(1)}\n`],
      ['application/json-seq', `\x1e${enriched(1)}`],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { body } = await post(`${url}/v1/enrich/test`, { ...both, accept }, coded[coding](records(1)));
      expect(decoded[coding](body).toString()).toBe(expected);
    }
  });

  test('a single record is decoded, and answered in the coding if it is not short', async () => {
    const { url } = await start();
    const more = 'x'.repeat(2000);
    const json = { ...both, 'content-type': 'application/json' };
    const long = await post(`${url}/v1/enrich/test`, json, coded[coding](`{"key":"1","more":"${more}"}`));
    expect(long.headers).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding' });
    expect(JSON.parse(decoded[coding](long.body).toString())).toEqual({ key: '1', more, answer: { found: '1' } });
    const short = await post(`${url}/v1/enrich/test`, json, coded[coding]('{"key":"1"}'));
    expect([short.headers['content-encoding'], short.body.toString()]).toEqual([undefined, enriched(1).trim()]);
    const refused = { ...json, 'accept-encoding': `${coding}, identity;q=0` };
    const wanted = await post(`${url}/v1/enrich/test`, refused, coded[coding]('{"key":"1"}'));
    expect(decoded[coding](wanted.body).toString()).toBe(enriched(1).trim());
    const explained = await post(`${url}/v1/explain/test`, json, coded[coding]('{"key":"1"}'));
    expect([explained.status, JSON.parse(explained.body.toString())]).toMatchObject([200, { pipeline: 'test' }]);
  });

  test.each([
    ['breaks off', coded[coding]('{"key":"1"}').subarray(0, -3), 400, 'bad_body'],
    ['is not of the coding', Buffer.from('{"key":"1"}'), 400, 'bad_body'],
    ['is longer than limits.lineBytes', coded[coding](`{"key":"${'x'.repeat(20_000)}"}`), 413, 'body_too_large'],
    ['is a bomb', coded[coding](Buffer.alloc(64 * 1024 * 1024)), 413, 'decompression_ratio'],
  ])('a single record that %s is refused', async (_, body, status, code) => {
    const { url } = await start({ limits: { lineBytes: code === 'decompression_ratio' ? '64MiB' : '10KiB' } });
    for (const route of ['enrich', 'explain']) {
      const json = { ...both, 'content-type': 'application/json' };
      // oxlint-disable-next-line no-await-in-loop
      const answer = await post(`${url}/v1/${route}/test`, json, body);
      expect(answer.headers['content-encoding']).toBe(undefined);
      expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([status, { code }]);
    }
  });
});

test('an array of many lines is coded piece by piece', async () => {
  const { url, downstream } = await start({ pipeline: { explode: true } });
  const items = Array.from({ length: 20_000 }, (_, n) => ({ n }));
  downstream.answers = new Map([['1', JSON.stringify(items)]]);
  const headers = { 'content-type': 'application/json', 'accept-encoding': 'gzip' };
  const { headers: got, body } = await post(`${url}/v1/enrich/test`, headers, '{"key":"1"}');
  expect(got['content-encoding']).toBe('gzip');
  expect(JSON.parse(decoded.gzip(body).toString())).toEqual(items.map((answer) => ({ key: '1', answer })));
});

test.each([
  ['zstd, br, gzip', 'zstd'],
  ['gzip, deflate, br', 'gzip'],
  ['br, deflate', 'br'],
  ['gzip, deflate', 'gzip'],
  ['x-gzip', 'gzip'],
  ['*', 'zstd'],
  ['zstd;q=0.5, gzip', 'gzip'],
  ['*;q=0.1, br;q=0', 'zstd'],
  ['gzip;q=0.001', 'gzip'],
  ['GZIP ; Q=1.0', 'gzip'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity, gzip;q=0.9', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=high', undefined],
  ['deflate, compress', undefined],
  ['identity', undefined],
  ['', undefined],
])('Accept-Encoding: %s is answered with the coding %s', async (accepted, coding) => {
  const { url } = await start();
  const { headers } = await post(`${url}/v1/enrich/test`, { ...ndjson, 'accept-encoding': accepted }, records(1));
  expect([headers['content-encoding'], headers.vary]).toEqual([coding, 'Accept-Encoding']);
});

test('a client that names no coding gets none', async () => {
  const { url } = await start();
  const { headers, body } = await post(`${url}/v1/enrich/test`, ndjson, records(1));
  expect([headers['content-encoding'], body.toString()]).toEqual([undefined, enriched(1)]);
});

test('server.compression chooses the codings of responses, and a reload changes them', async () => {
  const { url, replaceServer } = await start({ server: { compression: ['gzip'] } });
  const ask = (): ReturnType<typeof post> =>
    post(`${url}/v1/enrich/test`, { ...ndjson, 'accept-encoding': 'br, gzip' }, records(1));
  expect((await ask()).headers['content-encoding']).toBe('gzip');
  replaceServer({ compression: [] });
  const { headers, body } = await ask();
  expect([headers['content-encoding'], headers.vary, body.toString()]).toEqual([undefined, undefined, enriched(1)]);
});

test('old names of a coding, upper case and identity are understood', async () => {
  const { url } = await start();
  for (const coding of ['x-gzip', 'GZIP', 'gzip, identity', 'identity,gzip']) {
    // oxlint-disable-next-line no-await-in-loop
    const { body } = await post(
      `${url}/v1/enrich/test`,
      { ...ndjson, 'content-encoding': coding },
      gzipSync(records(1)),
    );
    expect(body.toString()).toBe(enriched(1));
  }
  for (const coding of ['', 'identity', 'identity, identity']) {
    // oxlint-disable-next-line no-await-in-loop
    const { body } = await post(`${url}/v1/enrich/test`, { ...ndjson, 'content-encoding': coding }, records(1));
    expect(body.toString()).toBe(enriched(1));
  }
});

test('a problem is not coded', async () => {
  const { url } = await start();
  const response = await fetch(`${url}/v1/enrich/none`, { method: 'POST', headers: { 'accept-encoding': 'gzip' } });
  expect([response.status, response.headers.get('content-encoding')]).toEqual([404, null]);
});

test('a page of an allowed origin may send a coded body, and caches keep its responses apart', async () => {
  const { url } = await start({ server: { cors: { origins: ['https://page.example'] } } });
  const origin = 'https://page.example';
  const preflight = await fetch(`${url}/v1/enrich/test`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  expect(preflight.headers.get('access-control-allow-headers')).toMatch(/\bContent-Encoding\b/);
  const { headers } = await post(`${url}/v1/enrich/test`, { ...ndjson, origin, 'accept-encoding': 'gzip' }, records(1));
  expect([headers.vary, headers['content-encoding']]).toEqual(['Origin, Accept-Encoding', 'gzip']);
});

test('a client that leaves in the middle of coded bodies leaves nothing behind', async () => {
  const { url, heard, streams, memory } = await start();
  for (const coding of contentCodings) {
    // oxlint-disable-next-line no-await-in-loop
    const client = await CodedClient.open(`${url}/v1/enrich/test`, {
      ...ndjson,
      'content-encoding': coding,
      'accept-encoding': coding,
    });
    client.request.write(coded[coding](records(...Array.from({ length: 5000 }, (_, at) => at))).subarray(0, -5));
    client.request.destroy();
  }
  await heard.until(() => heard.outcomes.length === 3);
  expect([streams.size, memory.heldBytes, heard.outcomes]).toEqual([0, 0, Array(3).fill('client_aborted')]);
});
