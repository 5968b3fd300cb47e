import { modes } from '../../../core/vocabulary.ts';
import { type RecordErrorCode, type RecordFailure, recordErrors } from '../../../core/errors.ts';
import {
  type BackpressureReason,
  backpressureReasons,
  type PipelineObserver,
  type EmittedOutcome,
  emittedOutcomes,
  recordOutcomes,
  type StreamGauges,
  type StreamObserver,
  type StreamOutcome,
  streamOutcomes,
} from '../../../core/observer/observer.ts';
import { Counters } from './counters.ts';
import { DurationHistogram } from '../histogram.ts';
import { Recent } from '../recent.ts';

/** The label `mode` of a request that was refused before its mode was known. */
export const noMode = 'none';

const recordErrorCodes = Object.keys(recordErrors) as RecordErrorCode[];

/** The gauges of the open streams of a pipeline, added up. */
type Sums = { -readonly [gauge in Exclude<keyof StreamGauges, 'stopped'>]: number };

/** The counts of one pipeline. Each event of a record costs one increment. */
export class PipelineCounts implements PipelineObserver {
  in = 0;
  receivedBytes = 0;
  sentBytes = 0;
  lateCompletions = 0;
  rejected = 0;
  readonly out = new Counters(recordOutcomes);
  readonly errors = new Counters(recordErrorCodes);
  readonly #backpressureMs = new Counters(backpressureReasons);
  readonly recordDurations = new DurationHistogram();
  readonly reorderWaits = new DurationHistogram();
  readonly streamDurations = new DurationHistogram();
  /** By mode: the streams that have ended, by outcome. */
  readonly ended = new Map<string, Counters<StreamOutcome>>();
  /** By mode: streams that are open. */
  readonly active = new Map<string, number>();
  readonly recent: Recent;
  readonly #live = new Set<() => StreamGauges>();
  readonly #onError: (failure: RecordFailure) => void;

  /** `onError` is called for every record that has failed. */
  constructor(nowMs: number, onError: (failure: RecordFailure) => void) {
    this.#onError = onError;
    this.recent = new Recent(nowMs, () => ({
      counts: {
        recordsIn: this.in,
        recordsOut: this.out.sum(emittedOutcomes),
        errors: this.errors.sum(recordErrorCodes),
      },
      durations: this.recordDurations,
    }));
    for (const mode of modes) this.#ofMode(mode);
  }

  streamOpened(mode: string, gauges: () => StreamGauges): StreamObserver {
    this.#ofMode(mode);
    this.#activeBy(mode, 1);
    // Two streams may pass the same function; each of them has to be counted.
    const read = (): StreamGauges => gauges();
    this.#live.add(read);
    return {
      closed: (outcome, durationMs) => {
        if (!this.#live.delete(read)) return;
        this.#activeBy(mode, -1);
        this.#ofMode(mode).add(outcome);
        this.streamDurations.record(durationMs);
      },
    };
  }

  streamRejected(): void {
    this.rejected++;
  }

  recordIn(count = 1): void {
    this.in += count;
  }

  recordOut(outcome: EmittedOutcome, count = 1): void {
    this.out.add(outcome, count);
  }

  recordsCancelled(count: number): void {
    this.out.add('cancelled', count);
  }

  recordError(failure: RecordFailure): void {
    this.errors.add(failure.code);
    this.#onError(failure);
  }

  received(bytes: number): void {
    this.receivedBytes += bytes;
  }

  sent(bytes: number): void {
    this.sentBytes += bytes;
  }

  recordDuration(ms: number, count = 1): void {
    this.recordDurations.record(ms, count);
  }

  reorderWait(ms: number, count = 1): void {
    this.reorderWaits.record(ms, count);
  }

  lateCompletion(): void {
    this.lateCompletions++;
  }

  backpressure(reason: BackpressureReason, ms: number): void {
    this.#backpressureMs.add(reason, ms);
  }

  /** Milliseconds that inputs have waited, by reason, including waits that have not ended. */
  backpressureMs(): Record<BackpressureReason, number> {
    const byReason = this.#backpressureMs.toObject();
    for (const read of this.#live) {
      const { stopped } = read();
      if (stopped !== undefined) byReason[stopped.reason] += stopped.ms;
    }
    return byReason;
  }

  /** The gauges of the open streams, read at each scrape. */
  sums(): Sums {
    const sums = { capacity: 0, inFlight: 0, retryWaiting: 0, completedWaiting: 0 };
    for (const read of this.#live) {
      const gauges = read();
      sums.capacity += gauges.capacity;
      sums.inFlight += gauges.inFlight;
      sums.retryWaiting += gauges.retryWaiting;
      sums.completedWaiting += gauges.completedWaiting;
    }
    return sums;
  }

  #ofMode(mode: string): Counters<StreamOutcome> {
    let ended = this.ended.get(mode);
    if (ended === undefined) {
      ended = new Counters(streamOutcomes);
      this.ended.set(mode, ended);
      this.active.set(mode, 0);
    }
    return ended;
  }

  #activeBy(mode: string, change: number): void {
    this.active.set(mode, (this.active.get(mode) ?? 0) + change);
  }
}
