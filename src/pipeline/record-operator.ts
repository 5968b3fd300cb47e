import type { PipelineObserver } from '../core/observer.ts';
import type { Clock } from '../core/time.ts';
import { AsyncWait, type Downstream } from '../operator/async-wait.ts';
import { OrderedQueue } from '../operator/ordered-queue.ts';
import { UnorderedQueue } from '../operator/unordered-queue.ts';
import { type Entry, InvokeRecords } from './invoke-records.ts';
import type { OnFailure, Outcome } from './outcome.ts';
import type { Plan } from './record-run.ts';

export interface RecordOperatorOptions {
  readonly plan: Plan;
  readonly onInvalid: OnFailure;
  readonly mode: 'ordered' | 'unordered';
  /** Slots, at least 1. */
  readonly capacity: number;
  /** Time of one record, 0 for none. */
  readonly timeoutMs: number;
}

export interface RecordOperatorEnds {
  readonly downstream: Downstream<Outcome>;
  readonly onRoom: () => void;
  readonly onEnd: () => void;
}

/** The operator over lines of a body: a line in, an outcome out. */
export function recordOperator(
  options: RecordOperatorOptions,
  ends: RecordOperatorEnds,
  observer: PipelineObserver,
  clock: Clock,
): AsyncWait<Entry, Outcome> {
  const { plan, onInvalid, mode, capacity, timeoutMs } = options;
  const { invoke, onTimeout, onError } = new InvokeRecords(plan, onInvalid, clock);
  return new AsyncWait<Entry, Outcome>({
    ...ends,
    queue: mode === 'ordered' ? new OrderedQueue(capacity) : new UnorderedQueue(capacity),
    timeoutMs,
    clock,
    invoke,
    onTimeout,
    onError,
    schedule: setImmediate,
    observer,
  });
}
