import type { MemoryShare } from '../core/memory-budget.ts';
import type { PipelineObserver } from '../core/observer/observer.ts';
import type { Gate } from '../core/call/gate.ts';
import type { Clock } from '../core/time/time.ts';
import type { CallTrace } from '../core/observer/tracing.ts';
import type { Attempt } from './attempt.ts';
import type { BackpressureMeter } from './backpressure-meter.ts';
import type { StreamQueue } from './queues/queue.ts';
import type { Watermark } from './watermark.ts';

export type AsyncWaitObserver = Pick<PipelineObserver, 'recordDuration' | 'reorderWait' | 'lateCompletion'>;

export interface Downstream<Out> {
  /** Read before each slot is emitted. When it becomes true again, call `downstreamReady`. */
  readonly ready: boolean;
  emit(output: Out): void;
  emitBarrier(barrier: Watermark): void;
  /** No more slots are ready at present: the outcomes that were emitted should be written. */
  flush(): void;
}

/** Counts the bytes that slots hold. */
export interface SlotBytes<In, Out> {
  readonly share: MemoryShare;
  /** Bytes of a record that was admitted: of its input, and those that its outcome is expected to need. */
  admitted(input: In): number;
  /** Bytes of a record that is complete: of its input and its outcome together. */
  completed(input: In, output: Out): number;
  barrier(barrier: Watermark): number;
}

export interface AsyncWaitOptions<In, Out> {
  readonly queue: StreamQueue<In, Out>;
  /** Milliseconds that a record may take, from its first attempt on (semantics T1). 0 = no limit. */
  readonly timeoutMs: number;
  /**
   * Whether the wait of a record's first call at a shared limit counts against `timeoutMs`. False for a
   * stream, which such a wait slows down; true for a single record, which has no other bound (semantics C7).
   */
  readonly limitWaitCounts: boolean;
  readonly clock: Clock;
  /** Starts one record. The record is completed by `attempt`, at once or later; a throw fails the attempt. */
  readonly invoke: (input: In, attempt: Attempt<In, Out>) => void;
  /** While it is closed, no record is admitted, even if slots are free. Without it a free slot is enough. */
  readonly turnGate?: Gate | undefined;
  /**
   * The outcome of an input whose lookups are all immediate. It is called instead of `invoke` while no slot is taken,
   * because then no other record can be overtaken. Such an input takes no slot. Must not throw. Without it `invoke` is
   * called for every input.
   */
  readonly immediateOutcome?: ((input: In) => Out) | undefined;
  /**
   * Decides the outcome of a record whose time ran out, through a new attempt: the attempt that ran was cancelled and
   * can no longer complete the record (semantics T3). The hook may complete the new attempt later. After another
   * `timeoutMs` that attempt is cancelled as well, and the record fails with `timeout` (T2). A throw fails the record.
   */
  readonly onTimeout: (input: In, attempt: Attempt<In, Out>) => void;
  /** Makes an outcome of an error. `slotNumber`: how many records and barriers took a slot before the record. Must not throw. */
  readonly onError: (error: unknown, input: In, slotNumber: number) => Out;
  readonly downstream: Downstream<Out>;
  /** A slot is free, after `offer` or `makeRoom` had returned false. */
  readonly onRoom: () => void;
  /** `end` was called, and every slot is emitted. */
  readonly onEnd: () => void;
  /** Calls `run` soon, but not before it returns: completions that come before the run are emitted together. */
  readonly schedule: (run: () => void) => void;
  /** Counts bytes. Without it none are counted. */
  readonly slotBytes?: SlotBytes<In, Out> | undefined;
  /** The trace that the calls belong to. */
  readonly trace?: CallTrace | undefined;
  /** Turns in a round of the calls that wait at a limit; without it 1. */
  readonly weight?: number | undefined;
  /** Without it the clock is not read to measure durations. */
  readonly observer: AsyncWaitObserver | undefined;
  /** Counts how long the input stands still because no slot is free, and why. */
  readonly backpressure: BackpressureMeter | undefined;
}
