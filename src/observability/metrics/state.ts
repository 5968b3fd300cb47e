import type { JsonObject } from '../../core/json/json.ts';
import type { DurationHistogram } from './histogram.ts';
import type { LookupCounts } from './counts/lookup-counts.ts';
import type { PipelineCounts } from './counts/pipeline-counts.ts';

/** One pipeline in `/state`: counts since the start of the service, and in `recent` those of the last seconds. */
export function pipelineState(counts: PipelineCounts, nowMs: number): JsonObject {
  return {
    streams: Object.fromEntries(counts.active),
    ...counts.sums(),
    recordsIn: counts.in,
    recordsOut: counts.out.toObject(),
    errors: Object.fromEntries(Object.entries(counts.errors.toObject()).filter(([, count]) => count > 0)),
    receivedBytes: counts.receivedBytes,
    sentBytes: counts.sentBytes,
    recordDuration: quantiles(counts.recordDurations),
    reorderWait: quantiles(counts.reorderWaits),
    backpressureMs: counts.backpressureMs(),
    lateCompletions: counts.lateCompletions,
    recent: counts.recent.figures(nowMs),
  };
}

/**
 * One lookup in `/state`, with the same counts. Each layer that has figures (`cache`) is a member with its name; a table
 * has the member `table`.
 */
export function lookupState(counts: LookupCounts, nowMs: number): JsonObject {
  const { inFlight, queued, connections } = counts.sums();
  const { calls, errors, retries, durations } = counts;
  const table = counts.tables();
  return {
    inFlight,
    queued,
    connections,
    calls: calls.toObject(),
    errors,
    retries,
    duration: quantiles(durations),
    ...counts.layers(),
    ...(table === undefined ? {} : { table: { ...table, reloads: { ...table.reloads } } }),
    recent: counts.recent.figures(nowMs),
  };
}

function quantiles(histogram: DurationHistogram): JsonObject {
  return {
    count: histogram.count,
    meanMs: histogram.count === 0 ? null : histogram.sumMs / histogram.count,
    p50Ms: histogram.quantileMs(0.5) ?? null,
    p99Ms: histogram.quantileMs(0.99) ?? null,
  };
}
