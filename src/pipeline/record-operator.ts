import type { PipelineObserver } from '../core/observer.ts';
import type { Clock } from '../core/time.ts';
import { AsyncWait, type Downstream } from '../operator/async-wait.ts';
import { OrderedQueue } from '../operator/ordered-queue.ts';
import { UnorderedQueue } from '../operator/unordered-queue.ts';
import { type Entry, type InvokeOptions, InvokeRecords } from './invoke-records.ts';
import type { Outcome } from './outcome.ts';

export interface RecordOperatorOptions extends InvokeOptions {
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
  const { mode, capacity, timeoutMs } = options;
  const { invoke, onTimeout, onError } = new InvokeRecords(options, clock);
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
