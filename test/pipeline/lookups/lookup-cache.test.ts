import { describe, expect, test } from 'vitest';
import { type Downstream, start, type Started } from '../../http/start.ts';

async function post({ url }: Started, ...keys: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const response = await fetch(`${url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: keys.map((key) => `{"key":"${key}"}\n`).join(''),
  });
  const lines = (await response.text()).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

const source = (line: Record<string, unknown> | undefined): unknown => Object(line)['_meta']?.['source'];
const answer = (line: Record<string, unknown> | undefined): unknown => line?.['answer'];

/** A pipeline whose lookup `far` has these layers. */
async function service(lookup: object, pipeline: object = {}): Promise<Started & { readonly downstream: Downstream }> {
  return start({ lookup, pipeline: { meta: ['source', 'attempts'], ...pipeline } });
}

describe('a lookup with a cache, over real HTTP,', () => {
  test('answers the second stream without a call, byte for byte, and says so in _meta', async () => {
    const started = await service({ cache: { maxEntries: 10, ttl: '5m' } });
    const [first] = await post(started, 'a');
    const [second] = await post(started, 'a');
    expect(source(first)).toEqual({ '/answer': 'call' });
    expect(second).toEqual({ ...first, _meta: { source: { '/answer': 'cache' }, attempts: { '/answer': 0 } } });
    expect(started.downstream.calls).toBe(1);
  });

  test('calls again for a miss, but not within negativeTtl', async () => {
    const asked = await service({ cache: { ttl: '5m' } });
    for (let time = 0; time < 2; time++) expect(answer((await post(asked, 'missing'))[0])).toBeNull();
    expect(asked.downstream.calls).toBe(2);
    const kept = await service({ cache: { ttl: '5m', negativeTtl: '5m' } });
    for (let time = 0; time < 2; time++) expect(answer((await post(kept, 'missing'))[0])).toBeNull();
    expect(kept.downstream.calls).toBe(1);
  });

  test('never keeps a failure', async () => {
    const started = await service({ cache: { ttl: '5m', negativeTtl: '5m' } });
    for (let time = 1; time <= 2; time++) {
      const [line] = await post(started, 'broken');
      expect(line?.['_error']).toMatchObject({ code: 'bad_status', status: 500, attempts: 1 });
      expect(started.downstream.calls).toBe(time);
    }
  });

  test('stands before the retry: a hit costs no call, and a stored answer is that of the last call', async () => {
    const started = await service({
      cache: { ttl: '5m' },
      retry: { attempts: 2, on: [500], backoff: { initial: '1ms', max: '1ms' } },
    });
    const [failed] = await post(started, 'broken');
    expect(failed?.['_error']).toMatchObject({ attempts: 3 });
    expect(started.downstream.calls).toBe(3);
    await post(started, 'a');
    await post(started, 'a');
    expect(started.downstream.calls).toBe(4);
  });

  test('keeps the order of the records, hits and calls mixed', async () => {
    const started = await service({ cache: { ttl: '5m' } });
    await post(started, 'b');
    const lines = await post(started, 'a', 'b', 'c', 'b');
    expect(lines.map((line) => line['key'])).toEqual(['a', 'b', 'c', 'b']);
    expect(lines.map((line) => Object(source(line))['/answer'])).toEqual(['call', 'cache', 'call', 'cache']);
  });
});
