import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { start, type Started } from './start.ts';
import { type Headers, openStream } from './stream-client.ts';

const traceId = '12345678901234567890123456789012';
const traceparent = `00-${traceId}-1234567890123456-01`;

async function enrich({ url }: Started, headers: Headers, keys: readonly string[]): Promise<string> {
  const client = await openStream(`${url}/v1/enrich/test`, { 'content-type': 'application/x-ndjson', ...headers });
  client.end(keys.map((key) => `${JSON.stringify({ key })}\n`).join(''));
  expect(await client.ended()).toBe('whole');
  return client.text;
}

function traceOf({ request: { headers } }: { request: IncomingMessage }): readonly unknown[] {
  return [headers['traceparent'], headers['tracestate']];
}

/** The trace headers of the calls for three records of one stream. */
async function carried(headers: Headers): Promise<readonly unknown[]> {
  const service = await start();
  const { downstream } = service;
  downstream.hold = true;
  const answered = enrich(service, headers, ['a', 'b', 'c']);
  await downstream.until(() => downstream.held.length === 3);
  for (const call of downstream.held) call.answer({});
  await answered;
  return downstream.held.map((call) => traceOf(call));
}

test('every call of a stream carries the trace of its request unchanged', async () => {
  const pair = [traceparent, 'foo=1,bar=2'];
  expect(await carried({ traceparent, tracestate: 'foo=1 , bar=2' })).toEqual([pair, pair, pair]);
  expect(await carried({ traceparent, tracestate: ['foo=1', 'bar=2'] })).toEqual([pair, pair, pair]);
});

test('without a trace in the request there is none in the calls', async () => {
  const none = [undefined, undefined];
  expect(await carried({})).toEqual([none, none, none]);
});

test('an invalid traceparent is ignored, and so are two of them', async () => {
  const none = [undefined, undefined];
  const ofZeros = `00-${'0'.repeat(32)}-1234567890123456-01`;
  expect(await carried({ traceparent: ofZeros, tracestate: 'foo=1' })).toEqual([none, none, none]);
  expect(await carried({ traceparent: [traceparent, traceparent] })).toEqual([none, none, none]);
});

test('an invalid tracestate is left out, and the traceparent stays', async () => {
  const pair = [traceparent, undefined];
  expect(await carried({ traceparent, tracestate: 'FOO=1' })).toEqual([pair, pair, pair]);
});

test('streams at the same time keep their traces apart', async () => {
  const service = await start();
  const { downstream } = service;
  downstream.hold = true;
  const parents = { a: traceparent, b: traceparent.replaceAll('2', 'b'), c: undefined };
  const answered = Object.entries(parents).map(([name, parent]) =>
    enrich(service, parent === undefined ? {} : { traceparent: parent }, [`${name}-1`, `${name}-2`]),
  );
  await downstream.until(() => downstream.held.length === 6);
  for (const call of downstream.held) call.answer({});
  await Promise.all(answered);
  const seen = downstream.held.map((call) => [call.key, traceOf(call)[0]]);
  expect(Object.fromEntries(seen)).toEqual({
    'a-1': parents.a,
    'a-2': parents.a,
    'b-1': parents.b,
    'b-2': parents.b,
    'c-1': undefined,
    'c-2': undefined,
  });
});

test('a retry, a step that repeats and a single record carry the trace too', async () => {
  const retry = { attempts: 1, backoff: { initial: '1ms' }, on: [500] };
  const service = await start({
    lookup: { retry },
    pipeline: {
      enrich: [
        {
          lookup: 'far',
          with: { key: '/key' },
          into: '/answer',
          repeat: { until: 'answer.found == "done"', max: 3 },
        },
      ],
    },
  });
  const { downstream } = service;
  downstream.hold = true;
  const answered = enrich(service, { traceparent, 'content-type': 'application/json' }, ['x']);
  await downstream.until(() => downstream.held.length === 1);
  downstream.held[0]?.response.writeHead(500).end();
  await downstream.until(() => downstream.held.length === 2);
  downstream.held[1]?.answer({ found: 'more' });
  await downstream.until(() => downstream.held.length === 3);
  downstream.held[2]?.answer({ found: 'done' });
  expect(await answered).toBe('{"key":"x","answer":{"found":"done"}}');
  expect(downstream.held.map((call) => traceOf(call)[0])).toEqual([traceparent, traceparent, traceparent]);
});
