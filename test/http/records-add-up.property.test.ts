import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { type Downstream, type Heard, start, type Started } from './start.ts';
import { openStream, type StreamClient } from './stream-client.ts';

/** How a stream ends, after how many lines of its output. */
type End = 'complete' | 'client leaves' | 'client leaves amid its body' | 'drain' | 'stall' | 'broken connection';

interface Plan {
  readonly end: End;
  readonly afterLines: number;
  readonly answered: number;
  readonly query: string;
  readonly lines: readonly string[];
}

const path = (query: string): string => `/v1/enrich/test?${query}`;

/** Sends one stream and ends it as planned. Resolves when the connection is closed. */
async function run({ url, streams, downstream }: Started, plan: Plan): Promise<void> {
  const { end, afterLines, lines, query } = plan;
  const client = await openStream(url + path(query));
  const body = lines.map((line) => `${line}\n`).join('');
  let received = 0;
  const act = (): void => {
    if (end === 'client leaves' || end === 'client leaves amid its body') client.leave();
    else if (end === 'drain') streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
    else if (end === 'stall') streams.cutAll('stalled', new RequestError('stalled', 'cut by the test'));
    else if (end === 'broken connection') client.breakConnection();
  };
  client.onData = () => {
    received = client.text.split('\n').length - 1;
    if (received >= afterLines) act();
  };
  if (end === 'client leaves amid its body' || end === 'broken connection') client.send(body);
  else client.end(body);
  await answerSome(downstream, plan.answered, () => client.body.closed);
  if (end === 'complete') await answerSome(downstream, Infinity, () => client.body.closed);
  // The service may not have seen the request yet.
  while (!client.body.closed) {
    act();
    await turn();
  }
  await client.closed();
}

/** Answers up to `most` calls, or those that come soon; all of them until the end if `most` is Infinity. */
async function answerSome(downstream: Downstream, most: number, done: () => boolean): Promise<void> {
  for (let answered = 0, idle = 0; answered < most && idle < 50 && !done();) {
    const call = downstream.held.shift();
    if (call === undefined) {
      idle += most === Infinity ? 0 : 1;
      await turn();
    } else if (!call.response.destroyed) {
      idle = 0;
      answered += 1;
      if (call.key.startsWith('bad')) call.response.writeHead(500).end();
      else call.answer({ found: call.key });
    }
  }
}

/** Resolves when every stream has ended. */
async function allEnded({ heard, streams }: Started): Promise<void> {
  await streams.empty();
  await heard.until(() => heard.outcomes.length === heard.opened);
}

const line = fc.oneof(
  { weight: 10, arbitrary: fc.nat(9).map((key) => `{"key":"k${key}"}`) },
  { weight: 1, arbitrary: fc.constant('{"key":"bad"}') },
  { weight: 1, arbitrary: fc.constant('[1]') },
  { weight: 1, arbitrary: fc.constant('') },
);

const plans = (table: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    end: fc.constantFrom<End>(
      'complete',
      'client leaves',
      'client leaves amid its body',
      'drain',
      'stall',
      'broken connection',
    ),
    afterLines: fc.nat(20),
    answered: fc.nat(60),
    lines: fc.array(line, { maxLength: 60 }),
    query: fc
      .record({
        mode: fc.constantFrom('ordered', 'unordered', ...(table ? [] : ['keyed'])),
        capacity: fc.integer({ min: 1, max: 10 }),
        onError: fc.constantFrom('annotate', 'fail', 'drop', 'passthrough'),
        control: fc.constantFrom('true', 'false'),
      })
      .map((chosen) =>
        Object.entries(chosen)
          .map(([name, value]) => `${name}=${value}`)
          .join('&'),
      ),
  });

const allow = { parameters: ['mode', 'capacity', 'onError'] };

test.each(['annotate', 'fail'])(
  'however a stream ends, its records in are the sum of its records out (onInvalid: %s)',
  async (onInvalid) => {
    const started = await start({ pipeline: { key: '/key', capacity: 10, onInvalid, allow } });
    started.downstream.hold = true;
    await fc.assert(
      fc.asyncProperty(plans(false), async (plan) => {
        await run(started, plan);
        await allEnded(started);
        expect(started.heard.recordsOutSum).toBe(started.heard.recordsIn);
        started.downstream.held.length = 0;
      }),
      { numRuns: 60 },
    );
    expect(started.heard.recordsOut.get('cancelled')).toBeGreaterThan(0);
  },
  60_000,
);

test('the same with a lookup that answers at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'keys.csv');
  writeFileSync(file, 'key,found\nk1,1\nk2,2\n');
  const started = await start({
    lookups: { near: { table: { file, key: 'key' } } },
    pipeline: {
      enrich: [{ lookup: 'near', with: { key: '/key' }, into: '/answer' }],
      onInvalid: 'fail',
      onMiss: 'error',
      capacity: 10,
      allow,
    },
  });
  await fc.assert(
    fc.asyncProperty(plans(true), async (plan) => {
      await run(started, plan);
      await allEnded(started);
      expect(started.heard.recordsOutSum).toBe(started.heard.recordsIn);
    }),
    { numRuns: 60 },
  );
}, 60_000);

async function heldRecord(): Promise<{ heard: Heard; client: StreamClient; started: Started }> {
  const started = await start();
  const { downstream, url, heard } = started;
  downstream.hold = true;
  const client = await openStream(url + path(''), { 'content-type': 'application/json' });
  client.end('{"key":"a"}');
  await downstream.until(() => downstream.held.length === 1);
  return { heard, client, started };
}

test('a single record whose client leaves is cancelled', async () => {
  const { heard, client } = await heldRecord();
  client.leave();
  await heard.until(() => heard.recordsOutSum === 1);
  expect([heard.recordsIn, [...heard.recordsOut]]).toEqual([1, [['cancelled', 1]]]);
});

test('a single record that is cut by a drain is cancelled', async () => {
  const { heard, client, started } = await heldRecord();
  started.streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
  await heard.until(() => heard.recordsOutSum === 1);
  expect(await client.answered()).toBe(503);
  expect([heard.recordsIn, [...heard.recordsOut]]).toEqual([1, [['cancelled', 1]]]);
});
