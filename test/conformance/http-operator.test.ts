import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { type Downstream, start, type Started, type StartOptions } from '../http/start.ts';

/** The usual function of these tests: it doubles a number. */
function doubles(last: number): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: last + 1 }, (_, value) => [String(value), String(2 * value)]));
}

const numbers = (...values: readonly number[]): string => values.map((value) => `{"key":${value}}\n`).join('');

async function post({ url }: Started, body: string, query = ''): Promise<string[]> {
  const response = await fetch(`${url}/v1/enrich/test?${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  return (await response.text()).split('\n').slice(0, -1);
}

async function answers(started: Started, body: string, query?: string): Promise<unknown[]> {
  return (await post(started, body, query)).map((line) => JSON.parse(line).answer);
}

/** With all slots taken, answers the newest call first. */
async function answerNewestFirst(downstream: Downstream, inFlight: number, total: number): Promise<void> {
  downstream.hold = true;
  await downstream.until(() => downstream.held.length === inFlight);
  for (let left = total; left > 0; left--) {
    await downstream.until(() => downstream.held.length > 0);
    const call = downstream.held.pop();
    call?.answer(2 * Number(call.key));
  }
}

const ascending = (values: readonly unknown[]): unknown[] => values.map(Number).toSorted((left, right) => left - right);

/** A `module` lookup with this source. */
function moduleLookup(source: string): object {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-conformance-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'lookup.mjs');
  writeFileSync(file, source);
  return { module: { file } };
}

async function withModule(
  source: string,
  { lookup = {}, pipeline = {}, ...more }: StartOptions = {},
): Promise<Started> {
  return start({
    ...more,
    lookups: { mine: { ...moduleLookup(source), ...lookup } },
    pipeline: { enrich: [{ lookup: 'mine', with: { key: '/key' }, into: '/answer' }], ...pipeline },
  });
}

/** `1,a,Julian` for each line. */
const joined = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const { key, name, answer } = JSON.parse(line);
    return [key, name, answer?.name ?? null].join(',');
  });

/** A join with these rows on the right side. */
async function joinWith(known: ReadonlyMap<string, string>, pipeline: object): Promise<Started> {
  const started = await start({ pipeline: { explode: true, timeout: '3s', ...pipeline } });
  started.downstream.answers = known;
  return started;
}

async function lastWords(source: string, options: StartOptions, query: string): Promise<unknown> {
  const clock = virtualClock();
  const started = await withModule(source, { ...options, clock });
  const response = await fetch(`${started.url}/v1/enrich/test?control=true&${query}`, {
    method: 'POST',
    body: numbers(1),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  await started.heard.until(() => started.heard.receivedBytes > 0);
  // Read from now on, because fetch discards the text that it has when a stream fails.
  const words = response.body?.pipeThrough(new TextDecoderStream()).getReader().read();
  await clock.advance(200);
  return JSON.parse((await words)?.value ?? '');
}

const hooked = (hook: string): string => `export default {
  asyncInvoke() {},
  timeout({ key }, result) { ${hook} },
};`;

describe('AsyncWaitOperatorTest over HTTP', () => {
  test('AWO-03 ordered: two records more than slots are emitted in the order of the input', async () => {
    const started = await start({ pipeline: { capacity: 6 } });
    const answering = answerNewestFirst(started.downstream, 6, 8);
    expect(await answers(started, numbers(1, 2, 3, 4, 5, 6, 7, 8))).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    await answering;
  });

  test.each(['unordered', 'keyed'])('AWO-04 %s: the same records are all emitted', async (mode) => {
    const started = await start({ pipeline: { capacity: 6, key: '/key' } });
    const answering = answerNewestFirst(started.downstream, 6, 8);
    const given = await answers(started, numbers(1, 2, 3, 4, 5, 6, 7, 8), `mode=${mode}`);
    expect(given[0]).toBe(12);
    expect(ascending(given)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    await answering;
  });

  test('AWO-06 when a cut stream is resumed, the records that were pending come first, and then the new ones', async () => {
    const started = await start({ pipeline: { capacity: 6 } });
    const { downstream, streams } = started;
    downstream.hold = true;
    const cut = fetch(`${started.url}/v1/enrich/test?control=true&mode=unordered`, {
      method: 'POST',
      body: numbers(1, 2, 3, 4),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    await downstream.until(() => downstream.held.length === 4);
    const reader = (await cut).body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const key of ['2', '4']) downstream.held.find((call) => call.key === key)?.answer(2 * Number(key));
    let text = '';
    while (text.split('\n').length <= 2) text += (await reader?.read())?.value ?? '';
    streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
    text += (await reader?.read())?.value ?? '';
    expect(text.split('\n')[2]).toBe('{"$checkpoint":{"next":4,"pending":[0,2]}}');
    await expect(reader?.read()).rejects.toThrow('terminated');
    downstream.hold = false;
    downstream.answers = doubles(8);
    const rest = `{"$resume":{"next":4,"pending":[0,2]}}\n${numbers(1, 3, 5, 6, 7, 8)}`;
    const lines = await post(started, rest, 'control=true&mode=ordered');
    expect(lines.slice(0, -1).map((line) => JSON.parse(line).answer)).toEqual([2, 6, 10, 12, 14, 16]);
  });

  test('SO-01 five records with two slots: ordered in exact order, unordered all of them', async () => {
    const started = await start({ pipeline: { capacity: 2, timeout: '1s' } });
    started.downstream.answers = doubles(4);
    expect(await answers(started, numbers(0, 1, 2, 3, 4))).toEqual([0, 2, 4, 6, 8]);
    expect(ascending(await answers(started, numbers(0, 1, 2, 3, 4), 'mode=unordered'))).toEqual([0, 2, 4, 6, 8]);
  });
});

describe('AsyncDataStreamITCase over HTTP', () => {
  test('ADS-04 a plain function with the default capacity', async () => {
    const started = await withModule('export default async ({ key }) => [2 * key];');
    expect(await answers(started, numbers(1, 2))).toEqual([2, 4]);
  });

  test.each(['ordered', 'unordered', 'keyed'])(
    'ADS-05 %s: an empty answer is retried, and then dropped',
    async (mode) => {
      const retry = { attempts: 3, onMiss: true, backoff: { initial: '10ms', max: '10ms', jitter: 'none' } };
      const started = await withModule('export default async ({ key }) => (key % 2 === 0 ? [key] : []);', {
        lookup: { retry },
        pipeline: { key: '/key', onMiss: 'drop', enrich: [{ lookup: 'mine', with: { key: '/key' }, into: '/answer' }] },
      });
      expect(ascending(await answers(started, numbers(1, 2, 3, 4, 5, 6), `mode=${mode}`))).toEqual([2, 4, 6]);
    },
  );
});

describe('AsyncLookupJoinHarnessTest over HTTP', () => {
  const rows = new Map([
    ['1', '[{"name":"Julian"}]'],
    ['3', '[{"name":"Jark"},{"name":"Jackson"}]'],
    ['4', '[{"name":"Fabian"}]'],
  ]);
  const left = ['a', 'b', 'c', 'd', 'e'].map((name, at) => `{"key":${at + 1},"name":"${name}"}\n`).join('');

  const longNames = new Map([...rows, ['3', '[{"name":"Jackson"}]'] as const]);

  test.each(['ordered', 'unordered'])(
    'ALH-1 %s inner join: misses are dropped, and several rows keep their order',
    async (mode) => {
      const lines = joined(await post(await joinWith(rows, { onMiss: 'drop' }), left, `mode=${mode}`));
      const expected = ['1,a,Julian', '3,c,Jark', '3,c,Jackson', '4,d,Fabian'];
      expect(mode === 'ordered' ? lines : lines.toSorted()).toEqual(
        mode === 'ordered' ? expected : expected.toSorted(),
      );
      expect(lines.indexOf('3,c,Jackson')).toBe(lines.indexOf('3,c,Jark') + 1);
    },
  );

  test('ALH-2 inner join with a filter on the right (departs: the lookup filters its rows, not the join)', async () => {
    const lines = joined(await post(await joinWith(longNames, { onMiss: 'drop' }), left));
    expect(lines).toEqual(['1,a,Julian', '3,c,Jackson', '4,d,Fabian']);
  });

  test('ALH-3 left join: a miss is null (departs: a record that `when` excludes is emitted unchanged)', async () => {
    const when = 'record.name != null';
    const enrich = [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when }];
    const lines = await post(await joinWith(rows, { enrich }), `${left}{"key":6,"name":null}\n`);
    expect(joined(lines)).toEqual(['1,a,Julian', '2,b,', '3,c,Jark', '3,c,Jackson', '4,d,Fabian', '5,e,', '6,,']);
    expect(lines[1]).toBe('{"key":2,"name":"b","answer":null}');
    expect(lines.at(-1)).toBe('{"key":6,"name":null}');
  });

  test('ALH-4 left join with a filter on the right', async () => {
    const lines = joined(await post(await joinWith(longNames, {}), left));
    expect(lines).toEqual(['1,a,Julian', '2,b,', '3,c,Jackson', '4,d,Fabian', '5,e,']);
  });
});

describe('AsyncLookupJoinTimeoutITCase over HTTP', () => {
  const failing = `export default {
    asyncInvoke() {},
    timeout(_input, result) { result.completeExceptionally(new Error('timed out for my own reasons')); },
  };`;

  test('LJT-1 an error of the timeout hook ends the stream', async () => {
    const options = { lookup: { timeout: '200ms' }, pipeline: { onError: 'fail' } };
    expect(await lastWords(failing, options, '')).toMatchObject({
      $fatal: {
        code: 'record_failed',
        recordCode: 'function_error',
        detail: expect.stringContaining('my own reasons'),
      },
    });
  });

  test('LJT-2 the timeout of the request overrides that of the pipeline', async () => {
    const options = { pipeline: { onError: 'fail', timeout: '30s' } };
    expect(await lastWords('export default () => new Promise(() => {});', options, 'timeout=200ms')).toMatchObject({
      $fatal: { code: 'record_failed', recordCode: 'timeout' },
    });
  });

  test('LJT-3 without a hook the record fails with the error timeout', async () => {
    const options = { lookup: { timeout: '200ms' }, pipeline: { onError: 'fail' } };
    expect(await lastWords('export default () => new Promise(() => {});', options, '')).toMatchObject({
      $fatal: { code: 'record_failed', recordCode: 'timeout' },
    });
  });

  test('LJT-5 five records whose lookups end within the timeout are all joined', async () => {
    const started = await start({ pipeline: { timeout: '10s' } });
    started.downstream.answers = doubles(5);
    expect(await answers(started, numbers(1, 2, 3, 4, 5))).toEqual([2, 4, 6, 8, 10]);
  });
});

describe('PyFlink async tests over HTTP', () => {
  const inputs = numbers(1, 2, 3, 4, 5);

  test('PY-1 unordered: every result', async () => {
    const started = await start({ pipeline: { timeout: '5s', mode: 'unordered' } });
    const answering = answerNewestFirst(started.downstream, 5, 5);
    expect(ascending(await answers(started, inputs))).toEqual([2, 4, 6, 8, 10]);
    await answering;
  });

  test('PY-2 ordered: exactly in the order of the input', async () => {
    const started = await start();
    const answering = answerNewestFirst(started.downstream, 5, 5);
    expect(await answers(started, inputs)).toEqual([2, 4, 6, 8, 10]);
    await answering;
  });

  test('PY-6 an error of the function is reported (departs: only for its record)', async () => {
    const started = await withModule(
      'export default async ({ key }) => { if (key === 2) throw new Error("raised for 2"); return [2 * key]; };',
    );
    const lines = (await post(started, inputs)).map((line) => JSON.parse(line));
    expect(lines.map(({ answer }) => answer)).toEqual([2, undefined, 6, 8, 10]);
    expect(lines[1]._error).toMatchObject({ code: 'function_error', message: 'raised for 2', lookup: 'mine' });
  });

  async function timedOut(
    hook: string,
    advanceMs = 1000,
  ): Promise<{ readonly _error?: unknown; readonly answer?: unknown }[]> {
    const clock = virtualClock();
    Reflect.set(globalThis, 'after', (ms: number, fire: () => void) => clock.setTimer(ms, fire));
    const started = await withModule(hooked(hook), { clock, lookup: { timeout: '1s' } });
    const posted = post(started, inputs);
    await started.heard.until(() => started.heard.receivedBytes === inputs.length);
    await clock.advance(advanceMs);
    return (await posted).map((line) => JSON.parse(line));
  }

  test('PY-7 an error of the timeout hook is reported (departs: only for its record)', async () => {
    const lines = await timedOut('result.completeExceptionally(new Error("raised in timeout"));');
    expect(lines).toHaveLength(5);
    for (const { _error } of lines)
      expect(_error).toMatchObject({ code: 'function_error', message: 'raised in timeout' });
  });

  test('PY-8 the value of the timeout hook is the result', async () => {
    const lines = await timedOut('result.complete([key - key]);');
    expect(lines.map(({ answer }) => answer)).toEqual([0, 0, 0, 0, 0]);
  });

  test('T2 a later value of the timeout hook is the result, if the hook takes no longer than the timeout', async () => {
    const lines = await timedOut('after(key * 300, () => result.complete([-key]));', 2000);
    expect(lines.map(({ answer }) => answer)).toEqual([-1, -2, -3, undefined, undefined]);
    for (const { _error } of lines.slice(3)) expect(_error).toMatchObject({ code: 'timeout', lookup: 'mine' });
  });
});
