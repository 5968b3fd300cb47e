import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { fetch } from './fetched.ts';
import { Downstream, start, type StartOptions } from './start.ts';

interface Case {
  readonly key: string;
  readonly options?: StartOptions;
  readonly status: number;
  /** Members of the problem beside those that every problem has. */
  readonly problem: { readonly code: string; readonly detail: string; readonly [member: string]: unknown };
}

/** Ways in which one record fails. `http://127.0.0.1:9` refuses every connection. */
const failures: Readonly<Record<string, Case>> = {
  'a bad status after two attempts': {
    key: '{"key":"broken"}',
    options: { lookup: { retry: { attempts: 1, backoff: { initial: '1ms' }, on: [500] } } },
    status: 502,
    problem: {
      code: 'bad_status',
      detail: expect.stringMatching(/500/) as string,
      lookup: 'far',
      attempts: 2,
      lookupStatus: 500,
    },
  },
  'no connection': {
    key: '{"key":"1"}',
    options: { lookup: { http: { url: 'http://127.0.0.1:9/{key}' } } },
    status: 502,
    problem: {
      code: 'unreachable',
      detail: expect.stringMatching(/ECONNREFUSED/) as string,
      lookup: 'far',
      attempts: 1,
    },
  },
  'no answer, and onMiss is error': {
    key: '{"key":"missing"}',
    options: { pipeline: { onMiss: 'error' } },
    status: 404,
    problem: { code: 'not_found', detail: 'lookup far has no answer for this record', lookup: 'far', attempts: 1 },
  },
  'a missing argument': {
    key: '{"other":"1"}',
    status: 422,
    problem: {
      code: 'missing_argument',
      detail: '/key is missing; argument {key} is read from it',
      lookup: 'far',
    },
  },
};

/** How a failed record leaves. A stream gets five different results; a record that stands alone gets a problem or a 200. */
const policies = ['annotate', 'fail', 'drop', 'passthrough', { value: { found: null } }] as const;

async function answerTo(record: string, options: StartOptions, query = '') {
  const { url } = await start(options);
  const response = await fetch(`${url}/v1/enrich/test${query}`, {
    method: 'POST',
    body: record,
    headers: { 'content-type': 'application/json', 'x-request-id': 'id-1' },
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    json: JSON.parse(await response.text()) as Record<string, unknown>,
  };
}

describe.each(Object.entries(failures))(
  'one record that fails with %s',
  (_name, { key, options = {}, status, problem }) => {
    test.each(policies)('onError: %j', async (onError) => {
      const answer = await answerTo(key, { ...options, pipeline: { ...options.pipeline, onError } });
      // A fallback value stands in for a failed answer, and a miss is an answer.
      const isValue = typeof onError === 'object' && problem.code !== 'not_found';
      const isProblem = onError !== 'passthrough' && !isValue;
      const refused = {
        status,
        type: 'application/problem+json',
        json: {
          type: `urn:millrace:problem:${problem.code}`,
          title: expect.stringMatching(/^The record failed: /) as string,
          status,
          instance: 'urn:millrace:request:id-1',
          ...problem,
        },
      };
      const record = JSON.parse(key) as object;
      const json = isValue ? { ...record, answer: { found: null } } : record;
      expect(answer).toEqual(isProblem ? refused : { status: 200, type: 'application/json', json });
    });
  },
);

test.each(['annotate', 'fail', 'drop'])(
  'one record whose time runs out before its call begins is answered as overloaded; onError: %s',
  async (onError) => {
    const clock = virtualClock();
    const far = new Downstream();
    onTestFinished(() => far.close());
    const { url, heard } = await start({
      clock,
      lookups: {
        single: { http: { url: `http://127.0.0.1:${await far.listen()}/{key}`, connections: 1 }, coalesce: false },
      },
      pipeline: { timeout: '0s', onError, enrich: [{ lookup: 'single', with: { key: '/key' }, into: '/answer' }] },
    });
    far.hold = true;
    const send = (timeout: string) =>
      fetch(`${url}/v1/enrich/test?timeout=${timeout}`, {
        method: 'POST',
        body: '{"key":"1"}',
        headers: { 'content-type': 'application/json' },
      });
    const first = send('0s');
    await far.until(() => far.held.length === 1);
    const refused = send('300ms');
    while (heard.recordsIn < 2) await turn();
    await turn();
    await clock.advance(300);
    const response = await refused;
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
      503,
      '1',
      expect.objectContaining({
        code: 'overloaded',
        lookup: 'single',
        detail: expect.stringContaining('(connections, concurrency, rateLimit, a pause after 429, an open breaker, or'),
      }),
    ]);
    far.held[0]?.answer({ found: '1' });
    expect((await first).status).toBe(200);
  },
);

/** What a call waits for, the first answer that brings it about, and the seconds until it is over, 300 ms later. */
const waits = [
  ['a rate', { rateLimit: { perSecond: 0.1, burst: 1 } }, 200, '10'],
  ['a pause after 429', {}, 429, '7'],
  ['an open breaker', { breaker: { minimum: 1, open: '20s', whenOpen: 'wait' } }, 500, '20'],
  [
    'a rate that takes longer than the breaker',
    { breaker: { minimum: 1, open: '5s', whenOpen: 'wait' }, rateLimit: { perSecond: 0.1, burst: 1 } },
    500,
    '10',
  ],
] as const;

test.each(waits)(
  'Retry-After of overloaded says how long the wait is, if it is known: %s',
  async (_, layers, status, seconds) => {
    const clock = virtualClock();
    const far = new Downstream();
    onTestFinished(() => far.close());
    const { url } = await start({
      clock,
      lookups: {
        single: { http: { url: `http://127.0.0.1:${await far.listen()}/{key}` }, coalesce: false, ...layers },
      },
      pipeline: { enrich: [{ lookup: 'single', with: { key: '/key' }, into: '/answer' }] },
    });
    far.hold = true;
    const send = (timeout: string) =>
      fetch(`${url}/v1/enrich/test?timeout=${timeout}`, {
        method: 'POST',
        body: '{"key":"1"}',
        headers: { 'content-type': 'application/json' },
      });
    const first = send('5s');
    await far.until(() => far.held.length === 1);
    far.held[0]?.response.writeHead(status, { 'retry-after': '7' }).end('{}');
    await (await first).arrayBuffer();
    const refused = send('300ms');
    // The check of live requests, the watch of readers, the deadline of the record, and the timer of the wait.
    while (clock.timers < 4) await turn();
    await clock.advance(300);
    const { headers, status: answered } = await refused;
    expect([answered, headers.get('retry-after'), far.held.length]).toEqual([503, seconds, 1]);
  },
);
