import { describe, expect, test } from 'vitest';
import type { StreamGauges } from '../../../src/core/observer/observer.ts';
import { publishedBoundsMs } from '../../../src/observability/metrics/histogram.ts';
import { createMetrics, type Metrics } from '../../../src/observability/metrics/metrics.ts';

/** The metrics of the contract (§5) that exist, and those of tables: name, type, labels. */
const families: Readonly<Record<string, readonly [type: string, labels: readonly string[]]>> = {
  streams_active: ['gauge', ['mode', 'pipeline']],
  streams_total: ['counter', ['mode', 'outcome', 'pipeline']],
  stream_duration_seconds: ['histogram', ['pipeline']],
  records_in_total: ['counter', ['pipeline']],
  records_out_total: ['counter', ['outcome', 'pipeline']],
  record_errors_total: ['counter', ['code', 'pipeline']],
  received_bytes_total: ['counter', ['pipeline']],
  sent_bytes_total: ['counter', ['pipeline']],
  record_duration_seconds: ['histogram', ['pipeline']],
  reorder_wait_seconds: ['histogram', ['pipeline']],
  capacity: ['gauge', ['pipeline']],
  in_flight: ['gauge', ['pipeline']],
  retry_waiting: ['gauge', ['pipeline']],
  completed_waiting: ['gauge', ['pipeline']],
  backpressure_seconds_total: ['counter', ['pipeline', 'reason']],
  late_completions_total: ['counter', ['pipeline']],
  lookup_calls_total: ['counter', ['lookup', 'outcome']],
  lookup_duration_seconds: ['histogram', ['lookup']],
  lookup_retries_total: ['counter', ['lookup']],
  lookup_in_flight: ['gauge', ['lookup']],
  lookup_queued: ['gauge', ['lookup']],
  lookup_connections: ['gauge', ['lookup']],
  breaker_state: ['gauge', ['lookup', 'state']],
  lookup_rate_limit: ['gauge', ['lookup']],
  lookup_pauses_total: ['counter', ['lookup']],
  lookup_paused: ['gauge', ['lookup']],
  lookup_token_requests_total: ['counter', ['lookup', 'outcome']],
  lookup_tokens_refused_total: ['counter', ['lookup']],
  lookup_token_expiry_timestamp_seconds: ['gauge', ['lookup']],
  lookup_concurrency_limit: ['gauge', ['lookup']],
  lookup_concurrency_min: ['gauge', ['lookup']],
  lookup_hedges_total: ['counter', ['lookup']],
  lookup_round_trip_seconds: ['gauge', ['lookup']],
  lookup_concurrency_changes_total: ['counter', ['lookup', 'reason']],
  cache_requests_total: ['counter', ['lookup', 'result']],
  cache_bytes: ['gauge', ['lookup']],
  cache_entries: ['gauge', ['lookup']],
  cache_evictions_total: ['counter', ['lookup']],
  cache_late_answers_total: ['counter', ['lookup']],
  cache_refused_answers_total: ['counter', ['lookup']],
  batch_size: ['histogram', ['lookup']],
  table_rows: ['gauge', ['lookup']],
  table_reloads_total: ['counter', ['lookup', 'outcome']],
  table_last_reload_successful: ['gauge', ['lookup']],
  build_info: ['gauge', ['node_version', 'version']],
  config_last_reload_successful: ['gauge', []],
  config_reloads_total: ['counter', []],
  log_lines_lost_total: ['counter', []],
  uncaught_errors_total: ['counter', ['origin', 'source']],
};

interface Scraped {
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlyMap<string, string>;
  /** By series as it is written, with `le`. */
  readonly values: ReadonlyMap<string, number>;
}

const comment = /^# (HELP|TYPE) ([a-z0-9_]+) (.+)$/;
const sample = /^([a-z0-9_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)$/;

/** Reads the text format strictly: a line that is neither comment nor sample fails the test. */
async function scraped(metrics: Metrics): Promise<Scraped> {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of (await metrics.scrape()).split('\n')) {
    if (line === '') continue;
    const [, kind, about = '', text = ''] = comment.exec(line) ?? [];
    if (kind !== undefined) {
      (kind === 'TYPE' ? types : helps).set(about, text);
      continue;
    }
    const [, name = '', labels = '', value = ''] = sample.exec(line) ?? [];
    if (name === '') throw new Error(`neither a comment nor a sample: ${line}`);
    const series = `${name}{${labels.split(',').toSorted().join(',')}}`;
    if (values.has(series)) throw new Error(`the series appears twice: ${series}`);
    values.set(series, Number(value));
  }
  return { types, helps, values };
}

function labelsOf(values: Scraped['values'], name: string): readonly string[] {
  const series = [...values.keys()].find((key) => key.startsWith(`${name}{`)) ?? '';
  return [...series.matchAll(/([a-z_]+)=/g)].map((match) => match[1] ?? '').filter((label) => label !== 'le');
}

const idle: StreamGauges = { capacity: 100, inFlight: 0, retryWaiting: 0, completedWaiting: 0, stopped: undefined };
const idling = (): StreamGauges => idle;

function withOneOfEach(): Metrics {
  const metrics = createMetrics({ version: '1.2.3' });
  metrics.observer.pipeline('flights');
  const lookup = metrics.observer.lookup('airport');
  lookup.layer('cache', cacheOf(0, 0));
  lookup.layer('breaker', () => ({ totals: { opened: 0 }, now: { closed: 1, open: 0, half_open: 0 } }));
  lookup.layer('rateLimit', () => ({ now: { perSecond: 0, burst: 0 } }));
  lookup.layer('pause', () => ({ totals: { pauses: 0 }, now: { paused: 0 } }));
  lookup.layer('oauth2', () => ({
    totals: { ok: 1, unreachable: 0, timeout: 0, bad_status: 0, bad_response: 0, refused: 0 },
    latest: { expiresAt: 1_800_000_000 },
  }));
  lookup.layer('hedge', () => ({ totals: { made: 0, won: 0 } }));
  lookup.layer('concurrency', () => ({
    queued: 0,
    now: { limit: 50, running: 0 },
    totals: { growth: 1, queueing: 2, failures: 3, measuring: 4 },
    latest: { min: 5, roundTripMs: 250, unloadedMs: 200 },
  }));
  lookup.layer('batch', () => ({ totals: { batches: 0, requests: 0, splits: 0 } }));
  lookup.table(() => ({ rows: 0, reloads: { ok: 0, failed: 0 }, current: true }));
  return metrics;
}

const cacheOf =
  (entries: number, times = 1) =>
  () => ({
    totals: {
      hit: 4 * times,
      negative: 3 * times,
      stale: 2 * times,
      miss: times,
      evictions: 5 * times,
      late: 6 * times,
      refused: 8 * times,
    },
    now: { entries },
  });
const tableOf = (rows: number, current: boolean) => () => ({ rows, reloads: { ok: 2, failed: 1 }, current });

describe('metrics', () => {
  test('have the names, types and labels of the contract, each with a help text', async () => {
    const { types, helps, values } = await scraped(withOneOfEach());
    const ours = [...types.keys()].filter((name) => name.startsWith('millrace_'));
    expect(ours.toSorted()).toEqual(
      Object.keys(families)
        .map((name) => `millrace_${name}`)
        .toSorted(),
    );
    const found = Object.entries(families).map(([name, [type]]) => {
      const full = `millrace_${name}`;
      const labels = labelsOf(values, type === 'histogram' ? `${full}_bucket` : full);
      return [name, [types.get(full), labels.toSorted()]];
    });
    expect(Object.fromEntries(found)).toEqual(families);
    expect([...helps.keys()]).toEqual([...types.keys()]);
  });

  test('include the metrics of the Node.js process', async () => {
    const { types } = await scraped(withOneOfEach());
    expect(types.get('process_resident_memory_bytes')).toBe('gauge');
    expect(types.get('nodejs_eventloop_lag_seconds')).toBe('gauge');
  });

  test('show every label value at zero before anything has happened', async () => {
    const { values } = await scraped(withOneOfEach());
    const expected = [
      'millrace_records_out_total{outcome="enriched",pipeline="flights"}',
      'millrace_records_out_total{outcome="passthrough",pipeline="flights"}',
      'millrace_record_errors_total{code="timeout",pipeline="flights"}',
      'millrace_record_errors_total{code="invalid_utf8",pipeline="flights"}',
      'millrace_streams_active{mode="unordered",pipeline="flights"}',
      'millrace_streams_total{mode="ordered",outcome="client_aborted",pipeline="flights"}',
      'millrace_streams_total{mode="none",outcome="rejected",pipeline="flights"}',
      'millrace_backpressure_seconds_total{pipeline="flights",reason="slow_reader"}',
      'millrace_lookup_calls_total{lookup="airport",outcome="refused"}',
      'millrace_lookup_in_flight{lookup="airport"}',
      'millrace_record_duration_seconds_bucket{le="+Inf",pipeline="flights"}',
      'millrace_in_flight{pipeline="flights"}',
    ];
    expect(expected.map((series) => [series, values.get(series)])).toEqual(expected.map((series) => [series, 0]));
  });

  test('count records, errors, bytes and waits of a pipeline', async () => {
    const metrics = withOneOfEach();
    const pipeline = metrics.observer.pipeline('flights');
    pipeline.recordIn();
    pipeline.recordIn();
    pipeline.recordOut('enriched');
    pipeline.recordOut('error');
    pipeline.recordsCancelled(3);
    pipeline.recordError({ code: 'timeout', message: 'no answer' });
    pipeline.received(10);
    pipeline.received(5);
    pipeline.sent(30);
    pipeline.lateCompletion();
    pipeline.backpressure('capacity', 1500);
    pipeline.recordDuration(12);
    pipeline.reorderWait(0.5);
    const { values } = await scraped(metrics);
    const expected = {
      'records_in_total{pipeline="flights"}': 2,
      'records_out_total{outcome="enriched",pipeline="flights"}': 1,
      'records_out_total{outcome="error",pipeline="flights"}': 1,
      'records_out_total{outcome="cancelled",pipeline="flights"}': 3,
      'record_errors_total{code="timeout",pipeline="flights"}': 1,
      'received_bytes_total{pipeline="flights"}': 15,
      'sent_bytes_total{pipeline="flights"}': 30,
      'late_completions_total{pipeline="flights"}': 1,
      'backpressure_seconds_total{pipeline="flights",reason="capacity"}': 1.5,
      'record_duration_seconds_bucket{le="0.01",pipeline="flights"}': 0,
      'record_duration_seconds_bucket{le="0.015",pipeline="flights"}': 1,
      'record_duration_seconds_sum{pipeline="flights"}': 0.012,
      'record_duration_seconds_count{pipeline="flights"}': 1,
      'reorder_wait_seconds_bucket{le="0.001",pipeline="flights"}': 1,
    };
    const found = Object.keys(expected).map((series) => [series, values.get(`millrace_${series}`)]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  test('are the sums over the open streams of a pipeline, without the closed ones', async () => {
    const metrics = withOneOfEach();
    const pipeline = metrics.observer.pipeline('flights');
    const first = pipeline.streamOpened('ordered', () => ({ ...idle, inFlight: 7, completedWaiting: 2 }));
    pipeline.streamOpened('unordered', () => ({ ...idle, capacity: 10, inFlight: 3 }));
    const { values: both } = await scraped(metrics);
    expect(both.get('millrace_capacity{pipeline="flights"}')).toBe(110);
    expect(both.get('millrace_in_flight{pipeline="flights"}')).toBe(10);
    expect(both.get('millrace_completed_waiting{pipeline="flights"}')).toBe(2);
    expect(both.get('millrace_streams_active{mode="ordered",pipeline="flights"}')).toBe(1);

    first.closed('drained', 2000);
    first.closed('failed', 2000);
    const { values: one } = await scraped(metrics);
    expect(one.get('millrace_in_flight{pipeline="flights"}')).toBe(3);
    expect(one.get('millrace_streams_active{mode="ordered",pipeline="flights"}')).toBe(0);
    expect(one.get('millrace_streams_total{mode="ordered",outcome="drained",pipeline="flights"}')).toBe(1);
    expect(one.get('millrace_streams_total{mode="ordered",outcome="failed",pipeline="flights"}')).toBe(0);
    expect(one.get('millrace_stream_duration_seconds_sum{pipeline="flights"}')).toBe(2);
  });

  test('count two streams that pass the same function of gauges as two', () => {
    const metrics = withOneOfEach();
    metrics.observer.pipeline('flights').streamOpened('ordered', idling);
    metrics.observer.pipeline('flights').streamOpened('ordered', idling);
    expect(metrics.snapshot()).toMatchObject({ pipelines: { flights: { capacity: 200, streams: { ordered: 2 } } } });
  });

  test('count refused requests separately from streams', async () => {
    const metrics = withOneOfEach();
    metrics.observer.pipeline('flights').streamRejected();
    const { values } = await scraped(metrics);
    expect(values.get('millrace_streams_total{mode="none",outcome="rejected",pipeline="flights"}')).toBe(1);
    expect(values.get('millrace_stream_duration_seconds_count{pipeline="flights"}')).toBe(0);
  });

  test('count the calls of a lookup, and read its gauges at each scrape', async () => {
    const metrics = withOneOfEach();
    const lookup = metrics.observer.lookup('airport');
    let inFlight = 1;
    lookup.gauges(() => ({ inFlight, queued: 2, connections: 3 }));
    lookup.called('ok', 10);
    lookup.called('miss', 20);
    inFlight = 9;
    const { values } = await scraped(metrics);
    expect(values.get('millrace_lookup_calls_total{lookup="airport",outcome="ok"}')).toBe(1);
    expect(values.get('millrace_lookup_calls_total{lookup="airport",outcome="miss"}')).toBe(1);
    expect(values.get('millrace_lookup_duration_seconds_sum{lookup="airport"}')).toBe(0.03);
    expect(values.get('millrace_lookup_in_flight{lookup="airport"}')).toBe(9);
    expect(values.get('millrace_lookup_connections{lookup="airport"}')).toBe(3);
  });

  test('say whether the configuration last read is in force; it is at the start', async () => {
    const metrics = createMetrics({ version: '0' });
    const told = async (): Promise<readonly (number | undefined)[]> => {
      const { values } = await scraped(metrics);
      return ['last_reload_successful', 'reloads_total'].map((name) => values.get(`millrace_config_${name}{}`));
    };
    expect(await told()).toEqual([1, 0]);
    metrics.reloaded(false);
    expect(await told()).toEqual([0, 1]);
    metrics.reloaded(true);
    expect(await told()).toEqual([1, 2]);
  });

  test('disappear with their pipeline or lookup, and the others go on', async () => {
    const metrics = withOneOfEach();
    metrics.observer.pipeline('trains').recordIn();
    metrics.observer.pipeline('flights').recordIn();
    metrics.observer.lookup('station').called('ok', 1);
    metrics.observer.functionMetrics('station').group.counter('asked').inc();
    metrics.observer.functionMetrics('station').group.gauge('open', () => 1);
    metrics.observer.functionMetrics('station').group.histogram('sizes').observe(1);
    expect(await metrics.scrape()).toMatch(/"(?:trains|station)"/);
    metrics.keep({ pipelines: new Set(['flights']), lookups: new Set(['airport']) });
    metrics.observer.pipeline('flights').recordIn();
    const { values } = await scraped(metrics);
    expect([...values.keys()].filter((series) => /"(?:trains|station)"/.test(series))).toEqual([]);
    expect(values.get('millrace_records_in_total{pipeline="flights"}')).toBe(2);
  });

  test('of a lookup that is open twice are sums, until one of the two is closed', async () => {
    const metrics = withOneOfEach();
    const [before, after] = [metrics.observer.lookup('airport'), metrics.observer.lookup('airport')];
    const closeBefore = before.gauges(() => ({ inFlight: 1, queued: 2, connections: 3 }));
    after.gauges(() => ({ inFlight: 10, queued: 20, connections: 30 }));
    const gauges = async (): Promise<readonly (number | undefined)[]> => {
      const { values } = await scraped(metrics);
      return ['in_flight', 'queued', 'connections'].map((name) =>
        values.get(`millrace_lookup_${name}{lookup="airport"}`),
      );
    };
    expect(await gauges()).toEqual([11, 22, 33]);
    closeBefore();
    expect(await gauges()).toEqual([10, 20, 30]);
  });

  test('read the counts of a cache and a table at each scrape, and show them in the state', async () => {
    const metrics = withOneOfEach();
    const lookup = metrics.observer.lookup('airport');
    const cache = { hit: 4, negative: 3, stale: 2, miss: 1, entries: 7, evictions: 5, late: 6, refused: 8 };
    const table = { rows: 8, reloads: { ok: 2, failed: 1 }, current: false };
    lookup.layer('cache', cacheOf(7));
    lookup.table(() => table);
    const { values } = await scraped(metrics);
    const of = (name: string, labels = ''): unknown => values.get(`millrace_${name}{lookup="airport"${labels}}`);
    expect([of('cache_entries'), of('cache_evictions_total')]).toEqual([7, 5]);
    expect([of('cache_late_answers_total'), of('cache_refused_answers_total')]).toEqual([6, 8]);
    expect(of('cache_requests_total', ',result="hit"')).toBe(4);
    expect(of('cache_requests_total', ',result="negative"')).toBe(3);
    expect(of('cache_requests_total', ',result="stale"')).toBe(2);
    expect(of('cache_requests_total', ',result="miss"')).toBe(1);
    expect([of('table_rows'), of('table_last_reload_successful')]).toEqual([8, 0]);
    expect(of('table_reloads_total', ',outcome="ok"')).toBe(2);
    expect(of('table_reloads_total', ',outcome="failed"')).toBe(1);
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { cache, table } } });
  });

  test('of a cache and a table go on if another configuration opens them again', async () => {
    const metrics = withOneOfEach();
    const lookup = metrics.observer.lookup('airport');
    const close = [lookup.layer('cache', cacheOf(7)), lookup.table(tableOf(8, false))];
    lookup.layer('cache', cacheOf(10));
    lookup.table(tableOf(20, true));
    const state = (): unknown => metrics.snapshot()['lookups'];
    const cache = { hit: 8, negative: 6, stale: 4, miss: 2, entries: 17, evictions: 10 };
    const table = { rows: 20, reloads: { ok: 4, failed: 2 }, current: true };
    expect(state()).toMatchObject({ airport: { cache, table } });
    for (const closeOne of close) closeOne();
    expect(state()).toMatchObject({ airport: { cache: { ...cache, entries: 10 }, table } });
  });

  test('of a cache and of a table exist only for lookups that have one', async () => {
    const metrics = createMetrics({ version: '0' });
    metrics.observer.lookup('plain');
    const { values } = await scraped(metrics);
    expect([...values.keys()].filter((name) => /^millrace_(?:cache|table)_/.test(name))).toEqual([]);
    expect(metrics.snapshot()).not.toHaveProperty('lookups.plain.cache');
  });

  test('of one service do not count what another one in the same process does', async () => {
    const one = withOneOfEach();
    const other = withOneOfEach();
    one.observer.pipeline('flights').recordIn();
    const { values } = await scraped(other);
    expect(values.get('millrace_records_in_total{pipeline="flights"}')).toBe(0);
  });

  test('show the figures of a lookup in the state, in milliseconds', () => {
    const metrics = withOneOfEach();
    const lookup = metrics.observer.lookup('airport');
    for (let call = 0; call < 100; call++) lookup.called('ok', call < 95 ? 10 : 500);
    const state = metrics.snapshot();
    expect(state).toMatchObject({
      lookups: { airport: { calls: { ok: 100 }, inFlight: 0, duration: { count: 100 } } },
    });
    const text = JSON.stringify(state);
    expect(JSON.parse(text)).toEqual(state);
    expect(text).toMatch(/"p50Ms":9\.\d+/);
    expect(text).toMatch(/"p99Ms":4\d\d/);
  });

  test('have histograms from one millisecond to one minute', () => {
    expect(publishedBoundsMs[0]).toBe(1);
    expect(publishedBoundsMs.at(-1)).toBe(60_000);
    expect([...publishedBoundsMs].sort((a, b) => a - b)).toEqual(publishedBoundsMs);
  });
});
