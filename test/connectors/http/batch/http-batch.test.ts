import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import type { Connector } from '../../../../src/connectors/connector.ts';
import { httpBatchOptions } from '../../../../src/connectors/http/batch/http-batch-options.ts';
import { httpOptions } from '../../../../src/connectors/http/http-options.ts';
import { http } from '../../../../src/connectors/http/http.ts';
import { Answer, type Arguments, RawJson } from '../../../../src/lookup/lookup.ts';
import { argumentsContract, connectorContract, manyContract } from '../../contract.ts';
import { Heard, httpEnd, runtimeFor } from '../far-end.ts';

interface Seen {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Options {
  /** Options of `http`, beside its url. */
  readonly http?: Readonly<Record<string, unknown>>;
  /** Options of `batch.http`, with the path alone as url. */
  readonly batch: Readonly<Record<string, unknown>> & { readonly url?: string };
  /** The body of every answer, or what makes it of the request. */
  readonly answer: string | ((seen: Seen) => string);
  readonly status?: number;
}

async function opened({ http: single = {}, batch, answer, status = 200 }: Options) {
  const seen: Seen[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const one = { line: `${request.method} ${request.url}`, headers: request.headers, body: await text(request) };
    seen.push(one);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof answer === 'string' ? answer : answer(one));
  };
  const { origin } = await httpEnd((request, response) => void respond(request, response));
  const heard = new Heard();
  const options = httpOptions.parse({ url: `${origin}/airports/{iata}`, ...single });
  const many = httpBatchOptions.parse({ ...batch, url: `${origin}${batch.url ?? '/airports'}` });
  const connector = http.create(options, runtimeFor(heard), { http: many });
  await connector.open();
  onTestFinished(() => connector.close());
  return { connector, heard, seen };
}

async function replies({ connector }: { connector: Connector }, ...values: Arguments[string][]) {
  const requests = values.map((iata) => ({ iata }));
  return connector.callMany?.(requests, new Cancellation()) ?? [];
}

async function failure(opening: Promise<{ connector: Connector }>, ...values: string[]): Promise<unknown> {
  const it = await opening;
  return replies(it, ...values).catch((error: unknown) => error);
}

const byCode = { method: 'POST', body: { codes: '{iata}' }, items: '/airports', key: '/iata' };

describe('the request of a batch', () => {
  test('has an array of the values of an argument, with their JSON types, in the body', async () => {
    const it = await opened({ batch: { ...byCode, key: null }, answer: '{"airports":[1,2,3,4,5]}' });
    await replies(it, 'SFO', 7, true, new RawJson('1.10'), new RawJson('{"a":[1]}'));
    expect(it.seen.map(({ line, body }) => [line, body])).toEqual([
      ['POST /airports', '{"codes":["SFO",7,true,1.10,{"a":[1]}]}'],
    ]);
    expect(it.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json' });
  });

  test('has an array of the argument objects for "{*}", among constants', async () => {
    const body = { keys: '{*}', lang: 'en', deep: [{ also: '{iata}' }], braces: '{{x}}' };
    const it = await opened({ batch: { method: 'POST', body }, answer: '[]' });
    await replies(it, 'SFO', '"\\').catch(() => {});
    expect(JSON.parse(it.seen[0]?.body ?? '')).toEqual({
      keys: [{ iata: 'SFO' }, { iata: '"\\' }],
      lang: 'en',
      deep: [{ also: ['SFO', '"\\'] }],
      braces: '{x}',
    });
  });

  test('is the whole body for "{*}" alone', async () => {
    const it = await opened({ batch: { method: 'POST', body: '{*}' }, answer: '[1,2]' });
    await replies(it, 'SFO', 'DTW');
    expect(it.seen[0]?.body).toBe('[{"iata":"SFO"},{"iata":"DTW"}]');
  });

  test('is a line for each with format ndjson, and so is the answer', async () => {
    const it = await opened({ batch: { method: 'POST', format: 'ndjson' }, answer: '{"n":1}\n\r\n {"n":2.50}\r\n' });
    const broken = new RawJson('{"a":\r\n1}');
    expect(await replies(it, 'S\nFO', broken)).toMatchObject([{ json: '{"n":1}' }, { json: '{"n":2.50}' }]);
    expect(it.seen[0]).toMatchObject({
      body: '{"iata":"S\\nFO"}\n{"iata":{"a":1}}\n',
      headers: { 'content-type': 'application/x-ndjson', accept: 'application/x-ndjson' },
    });
  });

  test('has the values joined by commas in path and query, each encoded for its place', async () => {
    const batch = { url: '/of/{iata}/x', query: { codes: '{iata}' } };
    const it = await opened({ batch, answer: '[1,2,3]' });
    await replies(it, 'a/b', 'é&=', '..x');
    expect(it.seen[0]?.line).toBe('GET /of/a%2Fb,%C3%A9%26%3D,..x/x?codes=a%2Fb,%C3%A9%26%3D,..x');
  });

  test.each([
    ['a comma', 'SFO,LAX', 'has a comma, which separates the values of a batch'],
    ['nothing', '', 'makes the path segment ""'],
    ['two dots', '..', 'would name another resource'],
    ['half a surrogate pair', '\ud800', 'half of a surrogate pair'],
  ])(
    'leaves out a record whose value is %s where values are joined, and the others are sent',
    async (_, value, message) => {
      const it = await opened({
        batch: { url: '/of/{iata}' },
        answer: ({ line }) =>
          `[${line
            .split(',')
            .map(() => 1)
            .join()}]`,
      });
      const all = await replies(it, 'SFO', value, 'DTW');
      expect([all[0], all[2]]).toMatchObject([{ json: '1' }, { json: '1' }]);
      expect(all[1]).toMatchObject({ code: 'missing_argument', message: expect.stringContaining(message) });
      expect(it.seen).toHaveLength(1);
    },
  );

  test('is not sent if no record can be part of it', async () => {
    const it = await opened({ batch: { url: '/of/{iata}' }, answer: '[]' });
    expect(await replies(it, '..')).toMatchObject([{ code: 'missing_argument', details: { lookup: 'airport' } }]);
    expect(it.seen).toEqual([]);
  });

  test('has the headers and the credentials of the lookup', async () => {
    const single = { headers: { 'X-Tenant': 'blue' }, auth: { bearer: 'secret' } };
    const it = await opened({ http: single, batch: byCode, answer: '{"airports":[]}' });
    await replies(it, 'SFO');
    expect(it.seen[0]?.headers).toMatchObject({ 'x-tenant': 'blue', authorization: 'Bearer secret' });
  });

  test('is described for one record, as it would be sent', async () => {
    const { connector } = await opened({ batch: byCode, answer: '{}' });
    expect(connector.describe({ iata: 'SFO' })).toMatchObject({
      method: 'POST',
      url: expect.stringMatching(/\/airports$/),
      headers: { 'content-type': 'application/json' },
      body: '{"codes":["SFO"]}',
    });
  });
});

const airport = (iata: string, more = ''): string => `{"iata":"${iata}"${more}}`;

describe('the answers of a batch', () => {
  test('are found by key, in any order; an absent one is a miss, another one is ignored', async () => {
    const answer = `{"airports":[${airport('LAX')},${airport('DTW')},${airport('SFO', ',"n":1')}]}`;
    const it = await opened({ batch: byCode, answer });
    expect(await replies(it, 'SFO', 'nowhere', 'DTW')).toMatchObject([
      { json: airport('SFO', ',"n":1') },
      { json: undefined },
      { json: airport('DTW') },
    ]);
    expect(it.heard.outcomes).toEqual(['ok']);
  });

  test('keep their bytes: numbers, order of members, escapes and white space', async () => {
    const item = '{ "z":1.0, "iata" : "SFO", "a":12345678901234567890,\n "e":"\\u00e9" }';
    const it = await opened({ batch: byCode, answer: `{"airports": [\n${item} , null ]}` });
    expect(await replies(it, 'SFO')).toMatchObject([{ json: item.replace('\n', '') }]);
  });

  test('are found by the value of a number, and by the text of a string', async () => {
    const answer = '{"airports":[{"iata":1.10,"n":1},{"iata":"7","n":2},{"iata":true,"n":3},{"iata":1e2,"n":4}]}';
    const it = await opened({ batch: byCode, answer });
    const found = await replies(it, new RawJson('1.1'), '1.10', 7, '7', 'true', 100, '100');
    expect(found.map((reply) => (reply instanceof Answer ? reply.json?.match(/"n":(\d)/)?.[1] : reply))).toEqual([
      '1',
      '1',
      '2',
      '2',
      '3',
      '4',
      undefined,
    ]);
  });

  test.each([
    ['text first', '[{"iata":"1","n":"text"},{"iata":1,"n":"number"}]'],
    ['number first', '[{"iata":1,"n":"number"},{"iata":"1","n":"text"}]'],
  ])('with a text and a number that look alike are each found by their own kind: %s', async (_, items) => {
    const it = await opened({ batch: byCode, answer: `{"airports":${items}}` });
    const found = await replies(it, '1', 1, new RawJson('1.0'));
    expect(found.map((reply) => reply instanceof Answer && JSON.parse(reply.json ?? '{}').n)).toEqual([
      'text',
      'number',
      'number',
    ]);
  });

  test.each([
    ['an object', '{"all":{"1":"one","2.50":"two and a half","true":"yes"}}', null],
    [
      'an array of texts',
      '{"all":[{"k":"1","v":"one"},{"k":"2.50","v":"two and a half"},{"k":"true","v":"yes"}]}',
      '/k',
    ],
    ['an array of numbers', '{"all":[{"k":1,"v":"one"},{"k":2.50,"v":"two and a half"},{"k":true,"v":"yes"}]}', '/k'],
  ])('of %s are found by the value of a number', async (_, answer, key) => {
    const select = key === null ? '' : '/v';
    const it = await opened({ http: { select }, batch: { ...byCode, items: '/all', key }, answer });
    const asked = [1, new RawJson('1.0'), '1', '1.0', new RawJson('2.5'), '2.50', new RawJson('25e-1'), true, 3];
    const found = await replies(it, ...asked);
    const [one, half, yes] = ['"one"', '"two and a half"', '"yes"'];
    expect(found.map((reply) => (reply instanceof Answer ? reply.json : reply))).toEqual([
      one,
      one,
      one,
      undefined,
      half,
      half,
      half,
      yes,
      undefined,
    ]);
  });

  test('of an object are found by the names of its members', async () => {
    const answer = '{"all":{"SFO":{"n":1},"D\\u0054W":2,"gone":null,"__proto__":3}}';
    const it = await opened({ batch: { ...byCode, items: '/all', key: null }, answer });
    expect(await replies(it, 'DTW', 'SFO', 'gone', 'absent', '__proto__')).toMatchObject([
      { json: '2' },
      { json: '{"n":1}' },
      { json: undefined },
      { json: undefined },
      { json: '3' },
    ]);
  });

  test('without a key are matched by place, and null is a miss', async () => {
    const it = await opened({ batch: { ...byCode, items: '', key: null }, answer: '[1, null, [3]]' });
    expect(await replies(it, 'a', 'b', 'c')).toMatchObject([{ json: '1' }, { json: undefined }, { json: '[3]' }]);
  });

  test('are all misses for a status of missStatus', async () => {
    const it = await opened({ batch: byCode, answer: 'none', status: 404 });
    expect(await replies(it, 'a', 'b')).toMatchObject([{ json: undefined }, { json: undefined }]);
    expect(it.heard.outcomes).toEqual(['miss']);
  });

  test('are the parts at select, and an item without that part fails alone', async () => {
    const answer = '{"airports":[{"iata":"SFO","d":{"x":1}},{"iata":"DTW"}]}';
    const it = await opened({ http: { select: '/d/x' }, batch: byCode, answer });
    expect(await replies(it, 'SFO', 'DTW', 'LAX')).toMatchObject([
      { json: '1' },
      { code: 'bad_response', message: expect.stringContaining('"/d/x" (select)') },
      { json: undefined },
    ]);
  });

  test.each([
    ['too few', '[1]', 'the answer has 1 items for 2 requests: set batch.http.key'],
    ['too many', '[1,2,3]', 'the answer has 3 items for 2 requests'],
    ['a text', '"x"', 'the answer is neither an array nor an object: "x"'],
    ['not JSON', '[1,', 'the answer is not JSON'],
    ['nothing', '', 'the answer has no body'],
  ])('by place that are %s fail the batch', async (_, answer, message) => {
    const it = opened({ batch: { ...byCode, items: '', key: null }, answer });
    expect(await failure(it, 'a', 'b')).toMatchObject({
      code: 'bad_response',
      message: expect.stringContaining(message),
      details: { lookup: 'airport', status: 200 },
    });
  });

  test.each([
    ['without the items', '{}', 'the answer has no value at "/airports" (batch.http.items)'],
    ['whose items are a number', '{"airports":1}', 'the value at "/airports" (batch.http.items) is neither'],
    [
      'with an item without a key',
      '{"airports":[{"IATA":"SFO"}]}',
      'has no text or number at "/iata" (batch.http.key)',
    ],
    [
      'that are an object although a key is set',
      '{"airports":{"SFO":1}}',
      'batch.http.items to the place of the array',
    ],
    ['with a key that is an object', '{"airports":[{"iata":{}}]}', 'has no text or number at "/iata"'],
  ])('%s fail the batch', async (_, answer, message) => {
    expect(await failure(opened({ batch: byCode, answer }), 'SFO')).toMatchObject({
      code: 'bad_response',
      message: expect.stringContaining(message),
    });
  });

  test('that are an object fail the batch if the lookup has several arguments', async () => {
    const it = await opened({ batch: { method: 'POST', body: '{*}', url: '/x?day={day}' }, answer: '{}' });
    const many = it.connector.callMany?.([{ iata: 'SFO', day: '1' }], new Cancellation());
    await expect(many).rejects.toMatchObject({ code: 'bad_response', message: expect.stringContaining('several') });
  });

  test('of one call may have maxResponseBytes together', async () => {
    const it = opened({ http: { maxResponseBytes: 20 }, batch: byCode, answer: `{"airports":[${airport('SFO')}]}` });
    expect(await failure(it, 'SFO')).toMatchObject({ code: 'response_too_large' });
  });

  test('with another status are the failure of the batch, with its status', async () => {
    const it = opened({ batch: byCode, answer: 'no code X', status: 422 });
    expect(await failure(it, 'SFO')).toMatchObject({ code: 'bad_status', details: { status: 422 } });
  });
});

const sfo = '{"iata":"SFO","city":"San Francisco"}';

/** As every connector: a batch of one answers a request of one. */
async function asOne(): Promise<{ connector: Connector; heard: Heard }> {
  const it = await opened({
    batch: byCode,
    answer: ({ body }) => `{"airports":[${body.includes('"SFO"') ? sfo : ''}]}`,
  });
  const call: Connector['call'] = async (args, context) => {
    const [reply] = (await it.connector.callMany?.([args], context)) ?? [];
    if (!(reply instanceof Answer)) throw reply;
    return reply;
  };
  return { ...it, connector: { ...it.connector, call } };
}

connectorContract('http with a batch', asOne, sfo);
argumentsContract('http with a batch', asOne);
manyContract('http with a batch', asOne, sfo, ['ok']);
