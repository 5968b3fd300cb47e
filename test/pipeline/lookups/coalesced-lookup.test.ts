import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import type { Answer, Arguments } from '../../../src/lookup/lookup.ts';
import { RawJson } from '../../../src/lookup/lookup.ts';
import { heldEnd, openHttp } from '../../connectors/http/far-end.ts';
import { records, start, type Started } from '../../http/start.ts';

async function post(
  { url }: Started,
  body: string,
  { signal, query = '' }: { readonly signal?: AbortSignal; readonly query?: string } = {},
): Promise<readonly Record<string, unknown>[]> {
  const headers = { 'content-type': 'application/x-ndjson' };
  const request = { method: 'POST', headers, body, ...(signal && { signal }) };
  const response = await fetch(`${url}/v1/enrich/test${query}`, request);
  const lines = (await response.text()).split('\n').slice(0, -1);
  return lines.map((text) => JSON.parse(text));
}

/** A record whose answer is that of one call. */
function enrichedLine(key: string): object {
  return { key, answer: { found: key }, _meta: { source: { '/answer': 'call' }, attempts: { '/answer': 1 } } };
}

describe('equal records of two streams, over real HTTP,', () => {
  test('share one call, and each has its answer, with the source and the calls of that answer', async () => {
    const started = await start({ pipeline: { meta: ['source', 'attempts'] } });
    const { downstream } = started;
    downstream.hold = true;
    const streams = [post(started, records('a', 'a', 'b')), post(started, records('b', 'a'))];
    await started.heard.until(() => started.heard.receivedBytes >= records('a', 'a', 'b', 'b', 'a').length);
    await downstream.until(() => downstream.held.length === 2);
    for (const call of downstream.held) call.answer({ found: call.key });
    const [first, second] = await Promise.all(streams);
    expect(first).toEqual([enrichedLine('a'), enrichedLine('a'), enrichedLine('b')]);
    expect(second).toEqual([enrichedLine('b'), enrichedLine('a')]);
    expect(downstream.calls).toBe(2);
  });

  test('fail together, with the number of calls that were made', async () => {
    const retry = { attempts: 1, on: [500], backoff: { initial: '1ms', max: '1ms' } };
    const started = await start({ lookup: { retry } });
    const lines = await post(started, records('broken', 'broken', 'broken'));
    expect(lines.map(({ _error }) => _error)).toMatchObject(
      Array.from({ length: 3 }, () => ({ code: 'bad_status', status: 500, attempts: 2 })),
    );
    expect(started.downstream.calls).toBe(2);
  });

  test('are called for one by one with coalesce: false', async () => {
    const started = await start({ lookup: { coalesce: false } });
    const { downstream } = started;
    downstream.hold = true;
    const stream = post(started, records('a', 'a', 'a'));
    await downstream.until(() => downstream.held.length === 3);
    for (const call of downstream.held) call.answer(1);
    expect(await stream).toHaveLength(3);
  });

  test('go on with their call when the client of one of them leaves; it is aborted when both have left', async () => {
    const started = await start();
    const { downstream, heard } = started;
    downstream.hold = true;
    const [leaver, other] = [new AbortController(), new AbortController()];
    const left = post(started, records('a'), { signal: leaver.signal }).catch((error: unknown) => error);
    await downstream.until(() => downstream.held.length === 1);
    const stays = post(started, records('a'), { signal: other.signal }).catch((error: unknown) => error);
    await heard.until(() => heard.receivedBytes === 2 * records('a').length);
    leaver.abort();
    expect(await left).toBeInstanceOf(Error);
    await heard.until(() => heard.outcomes.length === 1);
    expect(downstream.aborted).toBe(0);
    other.abort();
    expect(await stays).toBeInstanceOf(Error);
    await downstream.until(() => downstream.aborted === 1);
    expect(downstream.calls).toBe(1);
  });

  test('each keep their own time: the one whose time is over fails, the other gets the answer', async () => {
    const started = await start({ pipeline: { timeout: '30s', allow: { timeout: '1m' } } });
    const { downstream } = started;
    downstream.hold = true;
    const long = post(started, records('a'));
    await downstream.until(() => downstream.held.length === 1);
    expect(await post(started, records('a'), { query: '?timeout=50ms' })).toMatchObject([
      { _error: { code: 'timeout' } },
    ]);
    downstream.held[0]?.answer(1);
    expect(await long).toEqual([{ key: 'a', answer: 1 }]);
    expect(downstream.calls).toBe(1);
  });

  test.each([
    ['make a new call, if the lookup has no timeout: the one under way may never end', {}, 2],
    ['share the call under way, if the timeout of the lookup ends it', { timeout: '30s' }, 1],
  ])('that come after the time of another one was over %s', async (_, lookup, calls) => {
    const started = await start({ lookup, pipeline: { timeout: '30s', allow: { timeout: '1m' } } });
    const { downstream, heard } = started;
    downstream.hold = true;
    const first = post(started, records('a'));
    await downstream.until(() => downstream.held.length === 1);
    await post(started, records('a'), { query: '?timeout=50ms' });
    const later = post(started, records('a'));
    await heard.until(() => heard.receivedBytes === 3 * records('a').length);
    await downstream.until(() => downstream.held.length === calls);
    for (const call of downstream.held) call.answer(1);
    expect(await Promise.all([first, later])).toEqual([[{ key: 'a', answer: 1 }], [{ key: 'a', answer: 1 }]]);
    expect(downstream.calls).toBe(calls);
  });
});

describe('requests are equal if nothing that is sent differs:', () => {
  const parts: Readonly<Record<string, { url: string; body?: unknown; [option: string]: unknown }>> = {
    'the path': { url: '/a/{x}' },
    'the query': { url: '/a', query: { q: '{x}' } },
    'a header': { url: '/a', headers: { 'x-key': '{x}' } },
    'the body': { url: '/a', method: 'POST', body: { x: '{x}' } },
    'a header, with a body': { url: '/a', method: 'PUT', headers: { 'x-key': '{x}' }, body: 'constant' },
  };

  test.each(Object.entries(parts))('%s', async (_, { url, ...options }) => {
    const end = await heldEnd();
    const { connector, limit } = await openHttp({ url: end.origin + url, ...options });
    if (connector.requestKey === undefined) throw new Error('an HTTP lookup has a key');
    const layer = new Coalesce<Arguments, Answer>(connector.requestKey, () => 0.5);
    const service = layer.layer(limit.layer(connector.call));
    const values = ['1', new RawJson('1.0'), 1, '2', '1'];
    const answers = values.map(async (x) => service({ x }, new Cancellation()));
    // As text 1 and "1" are the same; as a value of JSON they are not.
    const calls = options.body === undefined || typeof options.body === 'string' ? 3 : 4;
    for (let call = 0; call < calls; call++) (await end.next()).response.end('true');
    expect(await Promise.all(answers)).toMatchObject(values.map(() => ({ json: 'true', attempts: 1 })));
    expect(end.seen).toHaveLength(calls);
  });

  test('an argument that cannot be sent fails as without the layer', async () => {
    const { origin } = await heldEnd();
    const { connector } = await openHttp({ url: `${origin}/{x}` });
    expect(() => connector.requestKey?.({ x: '..' }, new Cancellation(), 1)).toThrow(RecordError);
    expect(() => connector.requestKey?.({}, new Cancellation(), 1)).toThrow('"x"');
  });
});
