import type { Registry } from 'prom-client';
import type { TableCounts } from '../../core/observer/observer.ts';
import type { LayerFigures } from './counts/layer-counts.ts';
import type { LookupCounts } from './counts/lookup-counts.ts';
import { noMode, type PipelineCounts } from './counts/pipeline-counts.ts';
import { publishCounter, publishGauge, publishHistogram, type Sample } from './published.ts';

/**
 * The metrics of pipelines and lookups. Every label value comes from the configuration or from a closed list, never from
 * a record: the number of series is known when the service starts.
 */
type Named<Counts> = ReadonlyMap<string, Counts>;

const prefix = 'millrace_';

export function publishPipelines(registry: Registry, pipelines: Named<PipelineCounts>): void {
  const counter = (name: string, help: string, value: (counts: PipelineCounts) => number): void =>
    publishCounter(registry, { name: prefix + name, help, labelNames: ['pipeline'] }, () => {
      return [...pipelines].map(([pipeline, counts]) => [{ pipeline }, value(counts)] as const);
    });
  const gauge = (name: string, help: string, value: keyof ReturnType<PipelineCounts['sums']>): void =>
    publishGauge(registry, { name: prefix + name, help, labelNames: ['pipeline'] }, () => {
      return [...pipelines].map(([pipeline, counts]) => [{ pipeline }, counts.sums()[value]] as const);
    });
  const split = (
    name: string,
    help: string,
    label: string,
    values: (counts: PipelineCounts) => Readonly<Record<string, number>>,
  ): void =>
    publishCounter(registry, { name: prefix + name, help, labelNames: ['pipeline', label] }, () =>
      byLabel(pipelines, 'pipeline', label, values),
    );
  const histogram = (name: string, help: string, of: 'streamDurations' | 'recordDurations' | 'reorderWaits'): void =>
    publishHistogram(registry, { name: prefix + name, help, labelNames: ['pipeline'] }, () => {
      return [...pipelines].map(([pipeline, counts]) => [{ pipeline }, counts[of]] as const);
    });

  publishGauge(
    registry,
    { name: `${prefix}streams_active`, help: 'Streams that are open.', labelNames: ['pipeline', 'mode'] },
    () => byLabel(pipelines, 'pipeline', 'mode', (counts) => Object.fromEntries(counts.active)),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}streams_total`,
      help: `Streams that have ended, and requests that were refused before their stream began (outcome rejected, mode ${noMode}).`,
      labelNames: ['pipeline', 'mode', 'outcome'],
    },
    () => endedStreams(pipelines),
  );
  histogram('stream_duration_seconds', 'From the head of the request to the end of the response.', 'streamDurations');
  counter('records_in_total', 'Records read.', (counts) => counts.in);
  split('records_out_total', 'Records that were emitted or cancelled, by outcome.', 'outcome', (counts) =>
    counts.out.toObject(),
  );
  split('record_errors_total', 'Records that failed, by code.', 'code', (counts) => counts.errors.toObject());
  counter('received_bytes_total', 'Bytes of request bodies that were read.', (counts) => counts.receivedBytes);
  counter('sent_bytes_total', 'Bytes of response bodies that were written.', (counts) => counts.sentBytes);
  histogram('record_duration_seconds', 'From admission of a record to its emission.', 'recordDurations');
  histogram('reorder_wait_seconds', 'From completion of a record to its emission.', 'reorderWaits');
  gauge('capacity', 'Slots of the streams that are open.', 'capacity');
  gauge('in_flight', 'Attempts that are running.', 'inFlight');
  gauge('retry_waiting', 'Records that wait for their next attempt.', 'retryWaiting');
  gauge('completed_waiting', 'Records that are complete and not yet emitted.', 'completedWaiting');
  split('backpressure_seconds_total', 'Time that the input waited, by reason.', 'reason', (counts) =>
    inSeconds(counts.backpressureMs()),
  );
  counter(
    'late_completions_total',
    'Completions that came after their attempt had ended, and were ignored.',
    (counts) => counts.lateCompletions,
  );
}

export function publishLookups(registry: Registry, lookups: Named<LookupCounts>): void {
  const gauge = (name: string, help: string, value: keyof ReturnType<LookupCounts['sums']>): void =>
    publishGauge(registry, { name: prefix + name, help, labelNames: ['lookup'] }, () => {
      return [...lookups].map(([lookup, counts]) => [{ lookup }, counts.sums()[value]] as const);
    });

  publishCounter(
    registry,
    {
      name: `${prefix}lookup_calls_total`,
      help: 'Calls that have ended, by outcome.',
      labelNames: ['lookup', 'outcome'],
    },
    () => byLabel(lookups, 'lookup', 'outcome', (counts) => counts.calls.toObject()),
  );
  publishHistogram(
    registry,
    {
      name: `${prefix}lookup_duration_seconds`,
      help: 'Duration of one call, without its wait for its turn.',
      labelNames: ['lookup'],
    },
    () => [...lookups].map(([lookup, counts]) => [{ lookup }, counts.durations] as const),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}lookup_retries_total`,
      help: 'Calls that were not the first one for their record.',
      labelNames: ['lookup'],
    },
    () => [...lookups].map(([lookup, counts]) => [{ lookup }, counts.retries] as const),
  );
  gauge('lookup_in_flight', 'Calls that are running.', 'inFlight');
  gauge('lookup_queued', 'Calls that wait for their turn.', 'queued');
  gauge('lookup_connections', 'Connections that are open.', 'connections');
}

/** The metrics of lookups that have a cache, and of those whose equal requests share calls. */
export function publishCaches(registry: Registry, lookups: Named<LookupCounts>): void {
  const caches = (): Iterable<readonly [string, LayerFigures]> => having(lookups, (counts) => counts.layers()['cache']);
  publishCounter(
    registry,
    {
      name: `${prefix}cache_requests_total`,
      help: 'Requests to a lookup by their source: the cache, a call under way (coalesced), or a call of their own (miss).',
      labelNames: ['lookup', 'result'],
    },
    () =>
      byLabel(
        having(lookups, (counts) => cacheResults(counts.layers())),
        'lookup',
        'result',
        (results) => results,
      ),
  );
  publishGauge(
    registry,
    { name: `${prefix}cache_entries`, help: 'Answers that a cache holds.', labelNames: ['lookup'] },
    () => [...caches()].map(([lookup, { entries = 0 }]) => [{ lookup }, entries] as const),
  );
  publishGauge(
    registry,
    {
      name: `${prefix}cache_bytes`,
      help: 'Memory that the answers of a cache take, as maxBytes counts it.',
      labelNames: ['lookup'],
    },
    () => [...caches()].map(([lookup, { bytes = 0 }]) => [{ lookup }, bytes] as const),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}cache_evictions_total`,
      help: 'Answers that were removed to make room for others.',
      labelNames: ['lookup'],
    },
    () => [...caches()].map(([lookup, { evictions = 0 }]) => [{ lookup }, evictions] as const),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}cache_late_answers_total`,
      help: 'Answers that were stored although their record had left before.',
      labelNames: ['lookup'],
    },
    () => [...caches()].map(([lookup, { late = 0 }]) => [{ lookup }, late] as const),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}cache_refused_answers_total`,
      help: 'Answers that were not stored because of their header (respectCacheControl).',
      labelNames: ['lookup'],
    },
    () => [...caches()].map(([lookup, { refused = 0 }]) => [{ lookup }, refused] as const),
  );
}

/** Without a cache only the shared calls are counted; undefined if the lookup has neither of the two layers. */
function cacheResults({ cache, coalesce }: Readonly<Record<string, LayerFigures>>): LayerFigures | undefined {
  if (cache === undefined && coalesce === undefined) return undefined;
  const { hit = 0, negative = 0, stale = 0, miss = 0 } = cache ?? {};
  return {
    ...(cache !== undefined && { hit, negative, stale, miss }),
    ...(coalesce !== undefined && { coalesced: coalesce['coalesced'] ?? 0 }),
  };
}

/** The metrics of lookups that have a batch. */
export function publishBatches(registry: Registry, lookups: Named<LookupCounts>): void {
  publishHistogram(
    registry,
    { name: `${prefix}batch_size`, help: 'Requests of one batch.', labelNames: ['lookup'] },
    () =>
      [...lookups].flatMap(([lookup, counts]) =>
        counts.layers()['batch'] === undefined ? [] : [[{ lookup }, counts.batchSizes] as const],
      ),
  );
}

/** The metrics of lookups that are tables. */
export function publishTables(registry: Registry, lookups: Named<LookupCounts>): void {
  const tables = (): Iterable<readonly [string, TableCounts]> => having(lookups, (counts) => counts.tables());
  publishGauge(
    registry,
    { name: `${prefix}table_rows`, help: 'Rows that a table holds.', labelNames: ['lookup'] },
    () => [...tables()].map(([lookup, { rows }]) => [{ lookup }, rows] as const),
  );
  publishCounter(
    registry,
    {
      name: `${prefix}table_reloads_total`,
      help: 'Attempts to read the file of a table again, by outcome.',
      labelNames: ['lookup', 'outcome'],
    },
    () => byLabel(tables(), 'lookup', 'outcome', ({ reloads }) => ({ ...reloads })),
  );
  publishGauge(
    registry,
    {
      name: `${prefix}table_last_reload_successful`,
      help: '0 if the last attempt to read the file failed, so that the table answers from older rows.',
      labelNames: ['lookup'],
    },
    () => [...tables()].map(([lookup, { current }]) => [{ lookup }, current ? 1 : 0] as const),
  );
}

function* having<Part>(
  lookups: Named<LookupCounts>,
  part: (counts: LookupCounts) => Part | undefined,
): Iterable<readonly [string, Part]> {
  for (const [lookup, counts] of lookups) {
    const found = part(counts);
    if (found !== undefined) yield [lookup, found];
  }
}

function* endedStreams(pipelines: Named<PipelineCounts>): Iterable<Sample<number>> {
  for (const [pipeline, counts] of pipelines) {
    yield [{ pipeline, mode: noMode, outcome: 'rejected' }, counts.rejected];
    for (const [mode, ended] of counts.ended) {
      for (const [outcome, count] of Object.entries(ended.toObject())) yield [{ pipeline, mode, outcome }, count];
    }
  }
}

function* byLabel<Counts>(
  named: Iterable<readonly [string, Counts]>,
  owner: string,
  label: string,
  values: (counts: Counts) => Readonly<Record<string, number>>,
): Iterable<Sample<number>> {
  for (const [name, counts] of named) {
    for (const [value, count] of Object.entries(values(counts))) {
      yield [{ [owner]: name, [label]: value }, count];
    }
  }
}

function inSeconds(ms: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(ms).map(([name, value]) => [name, value / 1000]));
}
