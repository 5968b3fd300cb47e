import type { MemoryShare } from '../core/memory-budget.ts';
import type { PipelineObserver } from '../core/observer/observer.ts';
import type { Gate } from '../core/call/gate.ts';
import type { Clock } from '../core/time/time.ts';
import type { CallTrace } from '../core/observer/tracing.ts';
import type { Attempt } from './attempt.ts';
import type { BackpressureMeter } from './backpressure-meter.ts';
import type { StreamQueue } from './queue.ts';
import type { Watermark } from './watermark.ts';

export type AsyncWaitObserver = Pick<PipelineObserver, 'recordDuration' | 'reorderWait' | 'lateCompletion'>;

export interface Downstream<Out> {
  /** Looked at before each slot. When it turns true again, call `drain`. */
  readonly ready: boolean;
  emit(output: Out): void;
  emitBarrier(barrier: Watermark): void;
  /** Nothing more is ready for now: what was emitted should go on its way. */
  flush(): void;
}

/** How the bytes that slots hold are counted. */
export interface SlotBytes<In, Out> {
  readonly share: MemoryShare;
  /** Of a record that was admitted: its input, and what its outcome is expected to take. */
  admitted(input: In): number;
  /** Of a record that is complete: its input and its outcome together. */
  completed(input: In, output: Out): number;
  barrier(barrier: Watermark): number;
}

export interface AsyncWaitOptions<In, Out> {
  readonly queue: StreamQueue<In, Out>;
  /** Life of a record, from its first attempt (semantics T1). 0 = none. */
  readonly timeoutMs: number;
  /**
   * Whether the wait for the turn of a record's first call counts against `timeoutMs`. False for a stream, which such a
   * wait slows down; true for a single record, which has no other bound (semantics C7).
   */
  readonly timesTurns: boolean;
  readonly clock: Clock;
  /** Begins one record. It completes by `attempt`, immediately or later; a throw fails the attempt. */
  readonly invoke: (input: In, attempt: Attempt<In, Out>) => void;
  /** While it is closed no record is admitted, whatever slots are free. Without it a free slot is enough. */
  readonly turnGate?: Gate | undefined;
  /**
   * The outcome of an input whose lookups are all immediate; called instead of `invoke` while no slot is taken, because
   * then no other record can be overtaken. Such an input takes no slot. Must not throw. Without it every input is invoked.
   */
  readonly immediateOutcome?: ((input: In) => Out) | undefined;
  /**
   * Decides the outcome of a record whose time ran out, by the attempt given: a new one, since the one that ran
   * has been cancelled and cannot complete the record any more (semantics T3). It may complete it later: after another
   * `timeoutMs` it is cancelled as well, and the record fails with `timeout` (T2). A throw fails the record.
   */
  readonly onTimeout: (input: In, attempt: Attempt<In, Out>) => void;
  /** The outcome that an error becomes. `place`: how many records and barriers took a slot before it. Must not throw. */
  readonly onError: (error: unknown, input: In, place: number) => Out;
  readonly downstream: Downstream<Out>;
  /** A slot is free, after `offer` or `hasRoom` had said false. */
  readonly onRoom: () => void;
  /** `end` was called, and every slot is emitted. */
  readonly onEnd: () => void;
  /** Runs a turn soon, but not now: completions that come before it are emitted together. */
  readonly schedule: (turn: () => void) => void;
  /** Without it no bytes are counted. */
  readonly slotBytes?: SlotBytes<In, Out> | undefined;
  /** The trace that the calls belong to. */
  readonly trace?: CallTrace | undefined;
  /** Without one, no clock is read for measuring. */
  readonly observer: AsyncWaitObserver | undefined;
  /** Counts how long the input stands still for want of a slot, and why. */
  readonly backpressure: BackpressureMeter | undefined;
}
