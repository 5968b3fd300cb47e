import { collectDefaultMetrics, Registry } from 'prom-client';
import type { JsonObject } from '../../core/json/json.ts';
import type { Observer, ServiceGauges } from '../../core/observer/observer.ts';
import { type Clock, systemClock } from '../../core/time/time.ts';
import { FunctionMetrics } from './function-metrics.ts';
import { publishBatches, publishCaches, publishLookups, publishPipelines, publishTables } from './families.ts';
import { LookupCounts } from './counts/lookup-counts.ts';
import { PipelineCounts } from './counts/pipeline-counts.ts';
import { noProcessCounts, type ProcessCounts, publishProcess } from './counts/process-counts.ts';
import { publishProtection } from './protection-families.ts';
import { publishGauge } from './published.ts';
import { publishService } from './service-families.ts';
import { RecentErrors, type SeenError } from './recent-errors.ts';
import { lookupState, pipelineState } from './state.ts';
import { ReloadCounts } from './counts/reload-counts.ts';

export interface Metrics {
  /** The same name returns the same counts again: counts survive a reload of the configuration. */
  readonly observer: Observer;
  readonly contentType: string;
  /** The Prometheus text format, version 0.0.4. */
  scrape(): Promise<string>;
  /**
   * The content of `/state`: `{ pipelines: { NAME: … }, lookups: { NAME: … }, errors: [ … ] }`. Durations are milliseconds,
   * null before the first one.
   */
  snapshot(): Snapshot;
  /** Takes a snapshot, at which a window of the last seconds may begin; called at an interval while there is load. */
  tick(): void;
  /** Registers the gauges of the whole service; call it once. */
  service(read: () => ServiceGauges): void;
  /** The configuration was read again, and is in force or was refused. */
  reloaded(succeeded: boolean): void;
  /** Removes every pipeline and lookup that is not named. If one is added again later, it counts from 0. */
  keep(names: { readonly pipelines: ReadonlySet<string>; readonly lookups: ReadonlySet<string> }): void;
}

interface Snapshot {
  readonly pipelines: JsonObject;
  readonly lookups: JsonObject;
  readonly errors: readonly SeenError[];
}

export interface MetricsOptions {
  readonly version: string;
  /** Default: the clock of the system. */
  readonly clock?: Clock;
  /** Default: counts that are always 0. */
  readonly process?: ProcessCounts;
}

/** Counts in plain numbers, which become metrics at each scrape. Nothing is global except Node's own observers. */
export function createMetrics({
  version,
  clock = systemClock,
  process: ownCounts = noProcessCounts,
}: MetricsOptions): Metrics {
  const registry = new Registry();
  const pipelines = new Map<string, PipelineCounts>();
  const lookups = new Map<string, LookupCounts>();
  const errors = new RecentErrors(clock);
  const functions = new FunctionMetrics(registry);
  publishPipelines(registry, pipelines);
  publishLookups(registry, lookups);
  publishBatches(registry, lookups);
  publishCaches(registry, lookups);
  publishTables(registry, lookups);
  publishProtection(registry, lookups);
  publishGauge(
    registry,
    {
      name: 'millrace_build_info',
      help: 'Always 1; the labels have the versions.',
      labelNames: ['version', 'node_version'],
    },
    () => [[{ version, node_version: process.versions.node }, 1]],
  );
  const reloads = new ReloadCounts(registry);
  publishProcess(registry, ownCounts);
  collectDefaultMetrics({ register: registry });

  const tick = (): void => {
    const now = clock.now();
    for (const { recent } of [...pipelines.values(), ...lookups.values()]) recent.take(now);
  };

  return {
    observer: {
      pipeline: (name) =>
        counted(pipelines, name, () => new PipelineCounts(clock.now(), (failure) => errors.add(name, failure))),
      lookup: (name) => counted(lookups, name, () => new LookupCounts(clock.now())),
      functionMetrics: (lookup) => functions.of(lookup),
    },
    contentType: registry.contentType,
    scrape: () => registry.metrics(),
    snapshot: () => {
      const now = clock.now();
      const state = {
        pipelines: Object.fromEntries([...pipelines].map(([name, counts]) => [name, pipelineState(counts, now)])),
        lookups: Object.fromEntries([...lookups].map(([name, counts]) => [name, lookupState(counts, now)])),
        errors: errors.list(),
      };
      tick();
      return state;
    },
    tick,
    service: (read) => publishService(registry, read),
    reloaded: (succeeded) => reloads.reloaded(succeeded),
    keep(names) {
      for (const name of pipelines.keys()) if (!names.pipelines.has(name)) pipelines.delete(name);
      for (const name of lookups.keys()) {
        if (names.lookups.has(name)) continue;
        lookups.delete(name);
        functions.forget(name);
      }
    },
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
