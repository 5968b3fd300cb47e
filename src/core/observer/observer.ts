import type { RecordFailure } from '../errors.ts';
import type { HandshakeFailure, SpoolRefusal } from '../vocabulary.ts';
import { type MetricGroup, silentMetrics } from './metric-group.ts';
import type { RefusalReason } from './refusals.ts';

/** The outcomes of records that were emitted. */
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

/** The states of a circuit breaker: the values of the label `state` of `millrace_breaker_state`. */
export const breakerStateNames = ['closed', 'open', 'half_open'] as const;
export type BreakerStateName = (typeof breakerStateNames)[number];

/** The gauges of a stream at the moment of the call. */
export interface StreamGauges {
  readonly capacity: number;
  /** Attempts that are running. */
  readonly inFlight: number;
  /** Records that wait for their next attempt. */
  readonly retryWaiting: number;
  /** Records that are complete and not yet emitted. */
  readonly completedWaiting: number;
  /** The current wait of the input, if it waits: these milliseconds are not yet counted by `backpressure`. */
  readonly stopped: { readonly reason: BackpressureReason; readonly ms: number } | undefined;
}

/**
 * Receives the events of one pipeline. Every method is called on the hot path and only counts. `count` is the number of
 * equal events, 1 by default.
 */
export interface PipelineObserver {
  streamOpened(mode: string, gauges: () => StreamGauges): StreamObserver;
  /** A request that was refused before its stream began. */
  streamRejected(): void;
  recordIn(count?: number): void;
  recordOut(outcome: EmittedOutcome, count?: number): void;
  /** `count` records will never be emitted, because their stream has ended. */
  recordsCancelled(count: number): void;
  recordError(failure: RecordFailure): void;
  received(bytes: number): void;
  sent(bytes: number): void;
  /** From admission to emission. */
  recordDuration(ms: number, count?: number): void;
  /** From completion to emission. */
  reorderWait(ms: number, count?: number): void;
  lateCompletion(): void;
  /** The input waited `ms` for this reason. A wait that has not ended is in the gauges of its stream. */
  backpressure(reason: BackpressureReason, ms: number): void;
}

export interface StreamObserver {
  closed(outcome: StreamOutcome, durationMs: number): void;
}

export interface LookupGauges {
  /** Calls that are running. */
  readonly inFlight: number;
  /** Calls that wait at a limit. */
  readonly queued: number;
  readonly connections: number;
}

/** Figures of one layer of a lookup (`cache`, `limit`) at the moment they are read. */
export interface LayerGauges {
  /** Calls that wait in this layer. They are a part of `queued` of the lookup. */
  readonly queued?: number;
  /** Counts since the layer was made. They remain after it is closed. */
  readonly totals?: Readonly<Record<string, number>>;
  /** Figures of this moment. They end when the layer is closed. */
  readonly now?: Readonly<Record<string, number>>;
  /** Figures of this moment that cannot be added up. While a layer is open twice, those of the one opened last count. */
  readonly latest?: Readonly<Record<string, number>>;
}

/** The counts of a table since it was opened. */
export interface TableCounts {
  readonly rows: number;
  /** Attempts to read the file after the first one. */
  readonly reloads: { readonly ok: number; readonly failed: number };
  /** False if the last attempt to read the file failed, so that the rows are from before it. */
  readonly current: boolean;
}

export interface LookupObserver {
  /** One attempt has ended, or `count` equal ones; `refused`: no call was made, and `ms` is not used. */
  called(outcome: CallOutcome, ms: number, count?: number): void;
  /** A record is attempted again. */
  retried(): void;
  /** A batch with this number of requests is sent. */
  batched(requests: number): void;
  /** Adds a source of gauges of this lookup; the returned function removes it. */
  gauges(read: () => LookupGauges): () => void;
  /**
   * Registers the gauges of the layer `name`, which `/state` shows under that name. The returned function ends it; the
   * totals of the layer stay.
   */
  layer(name: string, read: () => LayerGauges): () => void;
  /** Adds a table of this lookup; the returned function removes it, and its counts stay. */
  table(read: () => TableCounts): () => void;
}

/** The gauges of the whole service at the moment of the call. */
export interface ServiceGauges {
  readonly memory: { readonly heldBytes: number; readonly limitBytes: number; readonly waiting: number };
  /** Requests that hold memory, by kind: `limits.streams` bounds their sum. */
  readonly requests: { readonly stream: number; readonly record: number; readonly explain: number };
  readonly connections: {
    readonly open: number;
    readonly idle: number;
    readonly limit: number;
    /** Idle connections that were closed to make room, since the start. */
    readonly closedIdle: number;
    /** Connections that were refused because of the limit, since the start. */
    readonly refused: number;
  };
  readonly spool: {
    /** Streams whose clients read only after they have sent everything, or may do so. */
    readonly streams: number;
    /** Bytes of output that wait for their clients, in memory and in files. A file counts whole until all of it was sent. */
    readonly bytes: number;
    /** Those in files. */
    readonly diskBytes: number;
    readonly limitBytes: number;
    /** Bytes that had to wait, since the start. */
    readonly spooledBytes: number;
    /** Streams that were cut because their output could not be kept, by reason, since the start. */
    readonly refused: Readonly<Record<SpoolRefusal, number>>;
  };
  /** Requests that were refused by their head, by reason, since the start. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Null without TLS. */
  readonly tls: TlsGauges | null;
}

/** A type and not an interface, because it is shown as JSON. */
export type TlsGauges = {
  /** When the files in force expire, in milliseconds since 1970. */
  readonly notAfterMs: { readonly cert: number; readonly clientCa: number | null };
  /** Handshakes that failed, since the start. */
  readonly failedHandshakes: Readonly<Record<HandshakeFailure, number>>;
};

/** The metrics of one opened lookup's function. If the lookup is opened again, counting goes on with the same numbers. */
export interface FunctionMetricScope {
  readonly group: MetricGroup;
  /** The gauges of this opened lookup are no longer read. */
  close(): void;
}

export interface Observer {
  pipeline(name: string): PipelineObserver;
  lookup(name: string): LookupObserver;
  /** The metrics of the function of a lookup. */
  functionMetrics(lookup: string): FunctionMetricScope;
}

/** Discards every event. */
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
    batched() {},
    gauges: () => () => {},
    layer: () => () => {},
    table: () => () => {},
  }),
  functionMetrics: () => ({ group: silentMetrics, close() {} }),
};
