import { expect, test } from 'vitest';
import { alertGroups } from '../../scripts/dashboards/alerts.ts';
import { fencesOf, page } from '../docs/pages.ts';
import { type Asked, boards, choicesOf, queriesOf } from './boards.ts';
import { underLoad } from './load.ts';
import { startPrometheus } from './prometheus.ts';

/** Prometheus needs two scrapes for a rate; on a busy machine some are late. */
const window = '10s';

const alerts = alertGroups.flatMap((group) => group.alerts);

/** The expression of an alert without its threshold: it always has a value. Two series are subtracted instead of compared. */
const withoutThresholds: readonly Asked[] = alerts.map(({ name, expression }) => ({
  name,
  expression: expression.replaceAll(/ [<>=]=? [\d.]+(?: \* [\d.]+)?/g, '').replaceAll(/ [<>]=? /g, ' - '),
  labels: [],
}));

/** Metrics that are above 0 only under this load. Without it a query would have data, but only zeros. */
const made: readonly Asked[] = [
  ...['timeout', 'bad_status', 'invalid_json'].map((code) => `millrace_record_errors_total{code="${code}"}`),
  ...['ok', 'miss', 'bad_status', 'timeout'].map((outcome) => `millrace_lookup_calls_total{outcome="${outcome}"}`),
  ...['capacity', 'slow_reader'].map((reason) => `millrace_backpressure_seconds_total{reason="${reason}"}`),
  ...['hit', 'negative', 'miss'].map((result) => `millrace_cache_requests_total{result="${result}"}`),
  ...['cache_bytes', 'cache_entries', 'cache_evictions_total', 'table_rows'].map((name) => `millrace_${name}`),
  ...['in_flight', 'retry_waiting', 'completed_waiting'].map((name) => `millrace_${name}`),
  ...['retries_total', 'in_flight', 'queued', 'connections', 'concurrency_limit'].map(
    (name) => `millrace_lookup_${name}`,
  ),
].map((series) => ({ name: series, expression: `${series} > 0`, labels: [] }));

/** Typical mistakes in queries. */
const mistakes: readonly Asked[] = [
  { name: 'name', expression: 'sum(rate(millrace_record_in_total[10s]))', labels: [] },
  { name: 'value', expression: 'millrace_lookup_calls_total{outcome="timeouts"}', labels: [] },
  { name: 'join', expression: 'millrace_in_flight / millrace_streams_active', labels: [] },
  { name: 'legend', expression: 'sum by (pipeline) (millrace_capacity)', labels: ['lookup'] },
  { name: 'form', expression: 'sum(rate(millrace_records_in_total))', labels: [] },
];

/** The configuration of docs/monitoring.md, with this target and a scrape every second. */
function scrapeConfig(target: string): string {
  const shown = fencesOf(page('monitoring.md')).find(({ marks }) => marks.includes('prometheus'))?.text ?? '';
  return `global: { evaluation_interval: 1s }\n${shown}`
    .replace('127.0.0.1:8081', target)
    .replace(
      'scrape_interval: 15s',
      'scrape_interval: 1s\n    scheme: https\n    tls_config: { insecure_skip_verify: true }',
    )
    .replace('helm/', `${process.cwd()}/helm/`);
}

test('a Prometheus that scrapes Millrace under load has data for every panel and every alert', async () => {
  const serving = await underLoad();
  const target = new URL(serving.admin.url).host;
  const prometheus = await startPrometheus(scrapeConfig(target));
  const queries = boards.flatMap((board) => queriesOf(board, window));
  expect(queries.length).toBeGreaterThan(30);
  expect(withoutThresholds.filter(({ expression }) => /[<>] /.test(expression))).toEqual([]);
  expect(await prometheus.faults([...queries, ...withoutThresholds, ...made], 40_000)).toEqual([]);

  const choices = boards.flatMap((board) => choicesOf(board));
  const values = await Promise.all(
    choices.map(async ({ label, series }) => [label, await prometheus.labelValues(label, series)] as const),
  );
  expect(Object.fromEntries(values)).toEqual({
    namespace: [],
    job: ['millrace'],
    instance: [target],
    pipeline: ['cached', 'fast', 'gathered', 'slow'],
    lookup: ['far', 'kept', 'many', 'near'],
  });
  expect(new Set(await prometheus.rules())).toEqual(new Set(alerts.map(({ name }) => [name, 'ok', undefined])));

  const told = await prometheus.faults(mistakes, 0);
  expect(told.map((fault) => fault.split(':')[0])).toEqual(mistakes.map(({ name }) => name));
}, 60_000);
