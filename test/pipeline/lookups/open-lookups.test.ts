import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Config, configSchema } from '../../../src/config/schema/schema.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { silentLogger } from '../../../src/core/observer/logger.ts';
import { type Clock, systemClock } from '../../../src/core/time/time.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';
import type { Lookup, LookupRuntime } from '../../../src/pipeline/lookups/lookups.ts';
import { filesOf, OpenLookups, watchedFilesOf } from '../../../src/pipeline/lookups/open-lookups.ts';

/** A function that counts how often it was opened and closed: in counters, which outlive it, and in a gauge, which does not. */
const speaking = `
let opened = 0;
export default {
  open(runtime) {
    const { parameters, metrics } = runtime;
    opened++;
    this.metrics = metrics;
    metrics.counter('opened').inc();
    metrics.gauge('version', () => parameters.version ?? 0);
    if (parameters.broken) throw new Error('broken it is');
  },
  close() { this.metrics.counter('closed').inc(); },
  asyncInvoke(input, result) { result.complete([{ opened }]); },
};`;

function lookups(parameters: object, layers: object): Config['lookups'] {
  return configSchema.parse({
    lookups: { mine: { module: { file: 'mine.mjs', parameters }, ...layers } },
    pipelines: { p: { enrich: [{ lookup: 'mine', with: {}, into: '/a' }] } },
  }).lookups;
}

function opening(clock: Clock = systemClock) {
  const baseDir = mkdtempSync(join(tmpdir(), 'millrace-lookups-'));
  onTestFinished(() => rmSync(baseDir, { recursive: true }));
  const file = join(baseDir, 'mine.mjs');
  writeFileSync(file, speaking);
  const metrics = createMetrics({ version: '0' });
  const open = new OpenLookups();
  let generation = 0;
  const take = (parameters: object = {}, layers: object = {}): Promise<ReadonlyMap<string, Lookup>> => {
    const runtime: LookupRuntime = {
      clock,
      observer: metrics.observer,
      logger: () => silentLogger,
      baseDir,
      secrets: new Secrets(),
      generation: ++generation,
      tracesCalls: false,
    };
    return open.take(lookups(parameters, layers), runtime);
  };
  /** The metrics of the function: how often it was opened and closed, and its gauge. */
  const counted = async (): Promise<readonly (number | undefined)[]> => {
    const text = await metrics.scrape();
    return ['opened_total', 'closed_total', 'version'].map((name) => {
      const value = new RegExp(`^millrace_function_${name}\\{lookup="mine"\\} (\\S+)$`, 'm').exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    });
  };
  return { file, open, take, counted };
}

test('a lookup that is the same in two configurations is one, and is closed after both have returned it', async () => {
  const { open, take, counted } = opening();
  const first = await take();
  const second = await take();
  expect(second.get('mine')).toBe(first.get('mine'));
  await open.giveBack(first);
  expect([open.size, await counted()]).toEqual([1, [1, undefined, 0]]);
  await open.giveBack(second);
  expect([open.size, await counted()]).toEqual([0, [1, 1, undefined]]);
});

test('a lookup with other options is opened beside it: counters go on, the gauge is that of the newer one', async () => {
  const { open, take, counted } = opening();
  const first = await take({ version: 1 });
  const second = await take({ version: 2 });
  expect([open.size, await counted()]).toEqual([2, [2, undefined, 2]]);
  await open.giveBack(first);
  expect([open.size, await counted()]).toEqual([1, [2, 1, 2]]);
  await open.giveBack(second);
});

test('a lookup with another rate is opened beside it, and both share one rate, the new one', async () => {
  const clock = virtualClock();
  const { open, take } = opening(clock);
  const first = await take({}, { rateLimit: { perSecond: 1, burst: 1 } });
  const second = await take({}, { rateLimit: { perSecond: 2, burst: 1 } });
  expect(await first.get('mine')?.call({}, new Cancellation())).toMatchObject({ json: '{"opened":1}' });
  let answeredAt: number | undefined;
  const answer = Promise.resolve(second.get('mine')?.call({}, new Cancellation())).finally(() => {
    answeredAt = clock.now();
  });
  await clock.advance(499);
  expect(answeredAt).toBe(undefined);
  await clock.advance(1);
  expect([await answer, answeredAt]).toMatchObject([{ json: '{"opened":1}' }, 500]);
  await open.giveBack(first);
  await open.giveBack(second);
});

test('two openings of one module share no state', async () => {
  const { open, take } = opening();
  const both = [await take({ version: 1 }), await take({ version: 2 })];
  for (const taken of both) {
    expect(await taken.get('mine')?.call({}, new Cancellation())).toMatchObject({ json: '{"opened":1}' });
  }
  for (const taken of both) await open.giveBack(taken);
});

test('a file that was written since makes it another lookup, which is opened with the new content', async () => {
  const { file, open, take } = opening();
  const first = await take();
  writeFileSync(file, `export default async () => [{ rewritten: true }];`);
  const second = await take();
  expect(second.get('mine')).not.toBe(first.get('mine'));
  expect(await second.get('mine')?.call({}, new Cancellation())).toMatchObject({ json: '{"rewritten":true}' });
  await open.giveBack(first);
  await open.giveBack(second);
});

test('a lookup that cannot be opened leaves the open ones unchanged, and their gauges', async () => {
  const { open, take, counted } = opening();
  const first = await take({ version: 1 });
  await expect(take({ version: 2, broken: true })).rejects.toThrow('lookup "mine": module mine.mjs: open failed');
  expect([open.size, await counted()]).toEqual([1, [2, 1, 1]]);
  await open.giveBack(first);
});

test.each([
  ['a module', { module: { file: 'a.mjs' } }, ['/base/a.mjs'], ['/base/a.mjs']],
  ['a table, which does not follow its file by itself,', { table: { file: 'a.csv', key: 'id' } }, ['/base/a.csv'], []],
  ['keys of TLS', { http: { url: 'https://h/{id}', tls: { ca: '/ca.pem' } } }, ['/ca.pem'], ['/ca.pem']],
  ['nothing', { http: { url: 'http://h/{id}' } }, [], []],
])('files: %s', (_what, lookup, files, watched) => {
  const config = configSchema.parse({
    lookups: { a: lookup },
    pipelines: { p: { enrich: [{ lookup: 'a', with: {}, into: '/a' }] } },
  }).lookups['a'];
  if (config === undefined) throw new Error('there is no lookup');
  expect([filesOf(config, '/base'), watchedFilesOf(config, '/base')]).toEqual([files, watched]);
});
