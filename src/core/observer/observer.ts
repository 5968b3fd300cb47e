import type { RecordFailure } from '../errors.ts';
import { type MetricGroup, silentMetrics } from './metric-group.ts';

/** How a record that was emitted left. */
export const emittedOutcomes = ['enriched', 'missed', 'error', 'invalid', 'dropped', 'passthrough'] as const;
export type EmittedOutcome = (typeof emittedOutcomes)[number];

/**
 * The values of the label `outcome` of `millrace_records_out_total`. A record is `cancelled` if its stream ended before
 * the record was emitted, so that the records in are the sum of the records out once a stream has ended.
 */
export const recordOutcomes = [...emittedOutcomes, 'cancelled'] as const;
export type RecordOutcome = (typeof recordOutcomes)[number];

export const streamOutcomes = ['completed', 'client_aborted', 'rejected', 'failed', 'stalled', 'drained'] as const;
export type StreamOutcome = (typeof streamOutcomes)[number];

export const backpressureReasons = ['capacity', 'slow_reader', 'limit', 'memory'] as const;
export type BackpressureReason = (typeof backpressureReasons)[number];

export const callOutcomes = ['ok', 'miss', 'bad_status', 'unreachable', 'timeout', 'cancelled', 'refused'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** What a stream holds at the moment it is asked. */
export interface StreamGauges {
  readonly capacity: number;
  /** Attempts that run now. */
  readonly inFlight: number;
  /** Records that wait to be tried again. */
  readonly retryWaiting: number;
  /** Records that are complete, but not yet emitted. */
  readonly completedWaiting: number;
  /** The wait of the input that lasts now: its milliseconds are not yet counted by `backpressure`. */
  readonly stopped: { readonly reason: BackpressureReason; readonly ms: number } | undefined;
}

/** Hears what one pipeline does. Every method is called on the hot path and only counts. */
export interface PipelineObserver {
  streamOpened(mode: string, gauges: () => StreamGauges): StreamObserver;
  /** A request that was refused before its stream began. */
  streamRejected(): void;
  recordIn(): void;
  recordOut(outcome: EmittedOutcome): void;
  /** So many records will never be emitted: their stream has ended. */
  recordsCancelled(count: number): void;
  recordError(failure: RecordFailure): void;
  received(bytes: number): void;
  sent(bytes: number): void;
  /** Admission to emission. */
  recordDuration(ms: number): void;
  /** Completion to emission. */
  reorderWait(ms: number): void;
  lateCompletion(): void;
  /** The input stood still for `ms`, for this reason. A wait that lasts is in the gauges of its stream. */
  backpressure(reason: BackpressureReason, ms: number): void;
}

export interface StreamObserver {
  closed(outcome: StreamOutcome, durationMs: number): void;
}

export interface LookupGauges {
  /** Calls under way. */
  readonly inFlight: number;
  /** Calls that wait for their turn. */
  readonly queued: number;
  readonly connections: number;
}

/** Figures of one layer of a lookup (`cache`, `limit`) at the moment they are read. */
export interface LayerGauges {
  /** Calls that wait in this layer for their turn. They are a part of `queued` of the lookup. */
  readonly queued?: number;
  /** Counts since the layer was made. They remain after it is closed. */
  readonly totals?: Readonly<Record<string, number>>;
  /** Figures of this moment. They end when the layer is closed. */
  readonly now?: Readonly<Record<string, number>>;
}

/** What a table has counted since it was opened. */
export interface TableCounts {
  readonly rows: number;
  /** Readings after the first one. */
  readonly reloads: { readonly ok: number; readonly failed: number };
  /** False while the rows are not those of the file, because it could not be read again. */
  readonly current: boolean;
}

export interface LookupObserver {
  /** One attempt has ended. */
  called(outcome: CallOutcome, ms: number): void;
  /** A record is tried again. */
  retried(): void;
  /** Registers where the gauges of this lookup are read as well; the function returned ends that. */
  gauges(read: () => LookupGauges): () => void;
  /**
   * Registers the gauges of the layer `name`, which `/state` shows under that name. The returned function ends it; the
   * totals of the layer stay.
   */
  layer(name: string, read: () => LayerGauges): () => void;
  /** Registers where a table of this lookup is read as well; the function returned ends that, and its counts stay. */
  table(read: () => TableCounts): () => void;
}

/** What the service as a whole holds at the moment it is read. */
export interface ServiceGauges {
  readonly memory: { readonly heldBytes: number; readonly limitBytes: number; readonly waiting: number };
  /** Requests that hold memory, by kind: `limits.streams` bounds their sum. */
  readonly requests: { readonly stream: number; readonly record: number; readonly explain: number };
  readonly connections: {
    readonly open: number;
    readonly idle: number;
    readonly limit: number;
    /** Idle ones that were closed to make room, since the start. */
    readonly closedIdle: number;
    /** Those that found no room, since the start. */
    readonly refused: number;
  };
}

/** What the function of one opening of a lookup counts into; another opening goes on with the same numbers. */
export interface FunctionMetricScope {
  readonly group: MetricGroup;
  /** The gauges of this opening are no longer read. */
  close(): void;
}

export interface Observer {
  pipeline(name: string): PipelineObserver;
  lookup(name: string): LookupObserver;
  /** Where the function of a lookup counts what it does. */
  functionMetrics(lookup: string): FunctionMetricScope;
}

/** Hears everything and keeps nothing. */
export const silentObserver: Observer = {
  pipeline: () => ({
    streamOpened: () => ({ closed() {} }),
    streamRejected() {},
    recordIn() {},
    recordOut() {},
    recordsCancelled() {},
    recordError() {},
    received() {},
    sent() {},
    recordDuration() {},
    reorderWait() {},
    lateCompletion() {},
    backpressure() {},
  }),
  lookup: () => ({
    called() {},
    retried() {},
    gauges: () => () => {},
    layer: () => () => {},
    table: () => () => {},
  }),
  functionMetrics: () => ({ group: silentMetrics, close() {} }),
};
