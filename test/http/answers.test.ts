import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fetch } from './fetched.ts';
import { enriched, records, start } from './start.ts';

async function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const ndjson = { 'content-type': 'application/x-ndjson' };

test('each record comes back with its answer, in order', async () => {
  const { url } = await start();
  const answer = await post(`${url}/v1/enrich/test`, records(1, 2, 3), ndjson);
  expect(answer.status).toBe(200);
  expect(answer.text).toBe(enriched(1, 2, 3));
});

test('a body without records has an empty, complete answer', async () => {
  const { url } = await start();
  const empty = await fetch(`${url}/v1/enrich/test`, { method: 'POST' });
  expect([empty.status, await empty.text()]).toEqual([200, '']);
});

test('the head forbids storing and buffering, and has the id that the client sent', async () => {
  const { url } = await start();
  const { headers } = await post(`${url}/v1/enrich/test`, records(1), { ...ndjson, 'x-request-id': 'mine-17' });
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-accel-buffering')).toBe('no');
  expect(headers.get('x-request-id')).toBe('mine-17');
});

test('an id that is not a plain token is replaced', async () => {
  const { url } = await start();
  const { headers } = await post(`${url}/v1/enrich/test`, records(1), { ...ndjson, 'x-request-id': 'a b"c' });
  expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
});

describe('a stream is read as', () => {
  const { x } = { x: records(1, 2) };
  test.each([
    'application/x-ndjson',
    'application/x-ndjson; charset=utf-8',
    'application/ndjson',
    'application/jsonl',
    'Application/X-NDJSON',
    'application/x-www-form-urlencoded',
  ])('%s', async (type) => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, x, { 'content-type': type });
    expect([answer.status, answer.text]).toEqual([200, enriched(1, 2)]);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  });

  test('lines if it has no type', async () => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, new TextEncoder().encode(x));
    expect([answer.status, answer.text]).toEqual([200, enriched(1, 2)]);
  });

  test('a JSON text sequence, and is answered as one', async () => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, '\u001e{"key":"1"}\n\u001e{"key":\n"2"}\n', {
      'content-type': 'application/json-seq',
    });
    expect(answer.headers.get('content-type')).toBe('application/json-seq');
    expect(
      answer.text
        .split('\u001e')
        .slice(1)
        .map((text) => JSON.parse(text) as unknown),
    ).toEqual([
      { key: '1', answer: { found: '1' } },
      { key: '2', answer: { found: '2' } },
    ]);
  });
});

describe('a stream is answered as', () => {
  test.each([
    ['application/jsonl', enriched(1)],
    ['application/ndjson', enriched(1)],
    ['application/json-seq', `\u001e${enriched(1)}`],
    ['text/event-stream', `data: ${enriched(1)}\n`],
  ])('%s', async (type, text) => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, records(1), { ...ndjson, accept: `text/html, ${type};q=0.9` });
    expect(answer.headers.get('content-type')).toBe(type);
    expect(answer.text).toBe(text);
  });

  test('the type with the highest weight', async () => {
    const { url } = await start();
    const accept = 'application/x-ndjson;q=0.1, text/event-stream;q=0.8, */*;q=0.5';
    const answer = await post(`${url}/v1/enrich/test`, records(1), { ...ndjson, accept });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
  });
});

describe('bad lines do not end a stream:', () => {
  test.each([
    ['broken JSON', '{"key":\n', 'invalid_json'],
    ['a number', '17\n', 'not_an_object'],
    ['an array', '[{"key":"1"}]\n', 'not_an_object'],
    ['no argument', '{"other":1}\n', 'missing_argument'],
    ['an answer that is 500', records('broken'), 'bad_status'],
  ])('%s', async (_what, line, code) => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, `${records(1)}${line}${records(3)}`, ndjson);
    const [first, second, third] = answer.text.trimEnd().split('\n');
    expect([`${first}\n`, `${third}\n`]).toEqual([enriched(1), enriched(3)]);
    expect(JSON.parse(second ?? '')).toMatchObject({ _error: { code, line: 2 } });
  });

  test('bytes that are not UTF-8', async () => {
    const { url } = await start();
    const body = Buffer.concat([
      Buffer.from(records(1)),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(records(3)),
    ]);
    const answer = await post(`${url}/v1/enrich/test`, new Uint8Array(body), ndjson);
    expect(JSON.parse(answer.text.split('\n')[1] ?? '')).toMatchObject({ _error: { code: 'invalid_utf8', line: 2 } });
    expect(answer.text.endsWith(enriched(3))).toBe(true);
  });

  test('a compressed body without Content-Encoding, which is named', async () => {
    const { url } = await start();
    const body = new Uint8Array(gzipSync(records(1)));
    const lines = await post(`${url}/v1/enrich/test`, body, ndjson);
    expect(lines.text).toContain('its first bytes are those of gzip: over HTTP, send Content-Encoding: gzip');
    const single = await post(`${url}/v1/enrich/test`, body, { 'content-type': 'application/json' });
    expect([single.status, JSON.parse(single.text)]).toMatchObject([
      400,
      {
        code: 'bad_body',
        detail: 'the body is not UTF-8; its first bytes are those of gzip: send Content-Encoding: gzip',
      },
    ]);
  });

  test('a line of 100 MB, which is skipped', async () => {
    const { url } = await start();
    const part = new TextEncoder().encode('x'.repeat(1_000_000));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(records(1))),
      pull(controller) {
        controller.enqueue(sent < 100 ? part : new TextEncoder().encode(`\n${records(3)}`));
        if (sent >= 100) controller.close();
        sent += 1;
      },
    });
    let sent = 0;
    const response = await fetch(`${url}/v1/enrich/test`, { method: 'POST', body, headers: ndjson, duplex: 'half' });
    const [first, second, third] = (await response.text()).trimEnd().split('\n');
    expect([`${first}\n`, `${third}\n`]).toEqual([enriched(1), enriched(3)]);
    expect(JSON.parse(second ?? '')).toMatchObject({ _error: { code: 'line_too_long', line: 2 } });
  });
});

describe('the query chooses', () => {
  test('the fields of _meta', async () => {
    const { url } = await start({ pipeline: { allow: { parameters: ['meta'] } } });
    const answer = await post(`${url}/v1/enrich/test?meta=seq,source`, records(1), ndjson);
    expect(JSON.parse(answer.text)).toMatchObject({ _meta: { seq: 0 } });
  });

  test('what happens to a failed record', async () => {
    const { url } = await start({ pipeline: { allow: { parameters: ['onError'] } } });
    const answer = await post(`${url}/v1/enrich/test?onError=drop`, records('broken', 2), ndjson);
    expect(answer.text).toBe(enriched(2));
  });

  test('a lower capacity', async () => {
    const { url, downstream } = await start();
    downstream.hold = true;
    const pending = post(`${url}/v1/enrich/test?capacity=2&mode=unordered&timeout=2s`, records(1, 2, 3), ndjson);
    await downstream.until(() => downstream.held.length === 2);
    expect(downstream.calls).toBe(2);
    downstream.hold = false;
    for (const call of downstream.held) call.answer({ found: call.key });
    expect((await pending).text.split('\n').toSorted()).toEqual(enriched(1, 2, 3).split('\n').toSorted());
  });
});

describe('one record as application/json', () => {
  const json = { 'content-type': 'application/json' };

  test('is answered by one object', async () => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, '{"key": "1"}', json);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect([answer.status, answer.text]).toEqual([200, '{"key": "1","answer":{"found":"1"}}']);
  });

  test.each([
    ['{"key":', 422, 'invalid_json'],
    ['[1]', 422, 'not_an_object'],
    ['{"other":1}', 422, 'missing_argument'],
    ['{"key":"broken"}', 502, 'bad_status'],
    ['', 400, 'bad_body'],
  ])('%s has the status %i', async (body, status, code) => {
    const { url } = await start();
    const answer = await post(`${url}/v1/enrich/test`, body, json);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, expect.objectContaining({ code, status })]);
  });

  test('that is dropped has no content', async () => {
    const { url } = await start({ pipeline: { onMiss: 'drop' } });
    expect(await post(`${url}/v1/enrich/test`, '{"key":"missing"}', json)).toMatchObject({ status: 204, text: '' });
  });

  test('that is larger than lineBytes is refused', async () => {
    const { url } = await start({ limits: { lineBytes: '1KiB' } });
    const answer = await post(`${url}/v1/enrich/test`, `{"key":"${'x'.repeat(2000)}"}`, json);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { code: 'body_too_large', maxBytes: 1024 }]);
  });

  test('whose client leaves has its call aborted', async () => {
    const { url, downstream } = await start();
    downstream.hold = true;
    const leave = new AbortController();
    const init = { method: 'POST', body: '{"key":"1"}', headers: json, signal: leave.signal };
    const pending = fetch(`${url}/v1/enrich/test`, init).catch(() => 'left');
    await downstream.until(() => downstream.held.length === 1);
    leave.abort();
    expect(await pending).toBe('left');
    await downstream.until(() => downstream.aborted === 1);
  });
});
