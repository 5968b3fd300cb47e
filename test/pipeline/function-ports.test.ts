import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { systemClock } from '../../src/core/time/time.ts';
import { functionLogger } from '../../src/observability/log/function-logger.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { createMetrics } from '../../src/observability/metrics/metrics.ts';
import { openLookup } from '../../src/pipeline/lookups/lookups.ts';

const counting = `export default class {
  open({ metrics, logger, taskName }) {
    this.calls = metrics.group('db').counter('calls');
    metrics.gauge('open', () => 1);
    logger.info('opened', { task: taskName });
    logger.debug('not at this level');
  }
  asyncInvoke({ id }, result) {
    this.calls.inc();
    result.complete([id]);
  }
}`;

test("F3 the counts of a lookup's function are on /metrics, and its messages in the log", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-function-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'lookup.mjs'), counting);
  const { lookups } = configSchema.parse({
    lookups: { mine: { module: { file: 'lookup.mjs' } } },
    pipelines: { test: { enrich: [{ lookup: 'mine', with: { id: '/id' }, into: '/answer' }] } },
  });
  const config = lookups['mine'];
  if (config === undefined) throw new Error('there is no lookup');
  const metrics = createMetrics({ version: '0.0.0' });
  const said: string[] = [];
  const secrets = new Secrets();
  const logger = createLogger({ level: 'info', destination: { write: (line) => void said.push(line) }, secrets });
  const lookup = await openLookup('mine', config, {
    clock: systemClock,
    observer: metrics.observer,
    baseDir: folder,
    generation: 1,
    secrets,
    logger: (name) => functionLogger(logger, name),
    tracesCalls: false,
  });
  for (const id of ['a', 'b']) await lookup.call({ id }, new Cancellation());
  const text = await metrics.scrape();
  expect(text).toContain('\nmillrace_function_db_calls_total{lookup="mine"} 2\n');
  expect(text).toContain('\nmillrace_function_open{lookup="mine"} 1\n');
  expect(said.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 'info', lookup: 'mine', task: 'mine', msg: 'opened' },
  ]);
  await lookup.close();
});
