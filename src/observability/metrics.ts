import { collectDefaultMetrics, Registry } from 'prom-client';
import type { JsonObject } from '../core/json.ts';
import type { Observer } from '../core/observer.ts';
import { FunctionMetrics } from './function-metrics.ts';
import { publishLookups, publishPipelines } from './families.ts';
import type { DurationHistogram } from './histogram.ts';
import { LookupCounts } from './lookup-counts.ts';
import { PipelineCounts } from './pipeline-counts.ts';
import { publishGauge } from './published.ts';

export interface Metrics {
  /** A name asked for again gives the same counts: they outlive a reload of the configuration. */
  readonly observer: Observer;
  readonly contentType: string;
  /** The Prometheus text format, version 0.0.4. */
  scrape(): Promise<string>;
  /** What `/state` shows: `{ pipelines: { NAME: … }, lookups: { NAME: … } }`. Durations in milliseconds, null before the first. */
  snapshot(): JsonObject;
}

/** Counts in plain numbers, which become metrics when they are scraped. Nothing of it is global but Node's own observers. */
export function createMetrics({ version }: { readonly version: string }): Metrics {
  const registry = new Registry();
  const pipelines = new Map<string, PipelineCounts>();
  const lookups = new Map<string, LookupCounts>();
  const functions = new FunctionMetrics(registry);
  publishPipelines(registry, pipelines);
  publishLookups(registry, lookups);
  publishGauge(
    registry,
    {
      name: 'millrace_build_info',
      help: 'Always 1; the labels say what is running.',
      labelNames: ['version', 'node_version'],
    },
    () => [[{ version, node_version: process.versions.node }, 1]],
  );
  collectDefaultMetrics({ register: registry });

  return {
    observer: {
      pipeline: (name) => counted(pipelines, name, () => new PipelineCounts()),
      lookup: (name) => counted(lookups, name, () => new LookupCounts()),
      functionMetrics: (lookup) => functions.of(lookup),
    },
    contentType: registry.contentType,
    scrape: () => registry.metrics(),
    snapshot: () => ({
      pipelines: Object.fromEntries([...pipelines].map(([name, counts]) => [name, pipelineState(counts)])),
      lookups: Object.fromEntries([...lookups].map(([name, counts]) => [name, lookupState(counts)])),
    }),
  };
}

function counted<Counts>(all: Map<string, Counts>, name: string, create: () => Counts): Counts {
  let counts = all.get(name);
  if (counts === undefined) {
    counts = create();
    all.set(name, counts);
  }
  return counts;
}

function pipelineState(counts: PipelineCounts): JsonObject {
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
    backpressureMs: counts.backpressureMs.toObject(),
    lateCompletions: counts.lateCompletions,
  };
}

function lookupState(counts: LookupCounts): JsonObject {
  const { inFlight, queued, connections } = counts.now();
  const { calls, retries, durations } = counts;
  return { inFlight, queued, connections, calls: calls.toObject(), retries, duration: quantiles(durations) };
}

function quantiles(histogram: DurationHistogram): JsonObject {
  return {
    count: histogram.count,
    meanMs: histogram.count === 0 ? null : histogram.sumMs / histogram.count,
    p50Ms: histogram.quantileMs(0.5) ?? null,
    p99Ms: histogram.quantileMs(0.99) ?? null,
  };
}
