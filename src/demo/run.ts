import { systemClock } from '../core/time/time.ts';
import type { DemoData } from './data.ts';
import type { Directory } from './directory.ts';
import { type Flow, flow } from './flow.ts';
import { capacityOverLatency, type DemoMode, recordLatencies, shortestRun } from './latency.ts';
import { readings, recordQuantileMs, residentBytes } from './readings.ts';
import { capacity, type DemoService, enrichUrl } from './service.ts';
import { ServiceWatch } from './service-watch.ts';
import { type Verdict, verify } from './verify.ts';

/** The results of one pass of the flights through the service. */
export interface Run extends Verdict {
  readonly mode: DemoMode;
  readonly lines: readonly string[];
  readonly perSecond: number;
  /** Capacity ÷ mean latency of a record, in records per second. */
  readonly limitPerSecond: number;
  /** Records per second of the best schedule of the same latencies in this mode. */
  readonly optimumPerSecond: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly meanCallMs: number;
  readonly mostInFlight: number;
  readonly mostCalls: number;
  readonly residentBytes: number;
}

interface Progress {
  readonly mode: DemoMode;
  readonly done: number;
  readonly of: number;
  readonly perSecond: number;
  readonly inFlight: number;
}

export interface Stage {
  readonly service: DemoService;
  readonly directory: Directory;
  readonly data: DemoData;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export async function run(stage: Stage, mode: DemoMode): Promise<Run> {
  const { service, directory, data, signal, onProgress } = stage;
  const { flights, airports } = data;
  const before = readings(await service.metrics());
  directory.take();
  const began = systemClock.now();
  let done = 0;
  const watch = new ServiceWatch(service, (inFlight) => {
    const perSecond = (1000 * done) / (systemClock.now() - began);
    onProgress({ mode, done, of: flights.length, perSecond, inFlight });
  });
  const onLines = (lines: number): void => {
    done = lines;
  };
  let response: Flow;
  try {
    response = await flow(enrichUrl(service, mode), flights, onLines, signal);
  } finally {
    await watch.stop();
  }
  const after = readings(await service.metrics());
  const { latenciesMs, mostAtOnce } = directory.take();
  const records = recordLatencies(latenciesMs);
  const verdict = verify(response, flights, airports, mode);
  return {
    mode,
    errors: verdict.errors,
    faults: [...verdict.faults, ...capacityFaults(mostAtOnce)],
    lines: response.lines,
    perSecond: (1000 * response.lines.length) / response.ms,
    limitPerSecond: capacityOverLatency(records, capacity),
    optimumPerSecond: (1000 * records.length) / shortestRun(records, capacity, mode),
    p50Ms: recordQuantileMs(before, after, 0.5),
    p99Ms: recordQuantileMs(before, after, 0.99),
    meanCallMs: latenciesMs.reduce((sum, ms) => sum + ms, 0) / latenciesMs.length,
    mostInFlight: watch.mostInFlight,
    mostCalls: mostAtOnce,
    residentBytes: Math.max(watch.mostResidentBytes, residentBytes(after)),
  };
}

function capacityFaults(calls: number): string[] {
  const allowed = 2 * capacity;
  return calls <= allowed ? [] : [`${calls} calls at the same time; capacity allows ${allowed}`];
}
