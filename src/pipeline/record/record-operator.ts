import { type Guard, guardedClock, guardedOnce } from '../../core/guard.ts';
import type { PipelineObserver } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import { inMicrotask } from '../../core/time/later-turn.ts';
import type { Gate } from '../../core/call/gate.ts';
import { AsyncWait } from '../../operator/async-wait.ts';
import type { Downstream } from '../../operator/async-wait-options.ts';
import type { BackpressureMeter } from '../../operator/backpressure-meter.ts';
import { KeyedQueue } from '../../operator/queues/keyed-queue.ts';
import { OrderedQueue } from '../../operator/queues/ordered-queue.ts';
import type { StreamQueue } from '../../operator/queues/queue.ts';
import { UnorderedQueue } from '../../operator/queues/unordered-queue.ts';
import type { RecordBytes } from '../stream/held-bytes.ts';
import type { Entry } from './entry.ts';
import { InvokeRecords } from './invoke-records.ts';
import type { Outcome } from './outcome.ts';
import type { Plan } from '../steps/plan.ts';
import { recordKey } from './record-key.ts';
import { TrackedQueue } from '../control/tracked-queue.ts';
import type { StreamSettings } from '../stream-settings.ts';

/** The functions and objects that the operator of a stream, or of one record, uses. */
export interface RecordOperatorHooks {
  readonly downstream: Downstream<Outcome>;
  readonly onRoom: () => void;
  readonly onEnd: () => void;
  /** Called with the number of each line just before it is emitted. */
  readonly beforeEmit: ((seq: number) => void) | undefined;
  readonly backpressure: BackpressureMeter | undefined;
  /** Open while another record may be started in this turn of the event loop; undefined for a record that stands alone. */
  readonly turnGate: Gate | undefined;
  /** Wraps every function that timers, promises and events call. */
  readonly guard: Guard;
}

/** The operator over lines of a body: a line in, an outcome out. */
export function recordOperator(
  plan: Plan,
  slotBytes: RecordBytes,
  { downstream, onRoom, onEnd, beforeEmit, backpressure, turnGate, guard }: RecordOperatorHooks,
  observer: PipelineObserver,
  systemClock: Clock,
): AsyncWait<Entry, Outcome> {
  const clock = guardedClock(systemClock, guard);
  const guardedRun = guardedOnce(guard);
  const { timeoutMs, single, trace, weight } = plan.settings;
  const queue = recordQueue(plan.settings);
  const records = new InvokeRecords(plan, clock);
  return new AsyncWait<Entry, Outcome>({
    downstream,
    onRoom,
    onEnd,
    queue: beforeEmit === undefined ? queue : new TrackedQueue(queue, beforeEmit),
    turnGate,
    timeoutMs,
    limitWaitCounts: single,
    trace,
    weight,
    clock,
    invoke: records.invoke,
    immediateOutcome: immediateOutcomeOf(plan, records, beforeEmit),
    onTimeout: records.onTimeout,
    onError: records.onError,
    // The loop runs in the turn of the event loop in which an answer was read. So the call for which a slot becomes free
    // is sent with the other calls of that turn; later, undici would hold it back until the next answers have been read.
    schedule: (run) => inMicrotask(guardedRun(run)),
    slotBytes,
    observer,
    backpressure,
  });
}

/** Undefined in mode `keyed`: the queue finds the key of a record, and refuses a record that has none. */
function immediateOutcomeOf(
  { immediate, settings }: Plan,
  { immediateOutcome }: InvokeRecords,
  beforeEmit: RecordOperatorHooks['beforeEmit'],
): ((entry: Entry) => Outcome) | undefined {
  if (!immediate || settings.mode === 'keyed') return undefined;
  if (beforeEmit === undefined) return immediateOutcome;
  return (entry) => {
    beforeEmit(entry.seq);
    return immediateOutcome(entry);
  };
}

function recordQueue({ mode, capacity, key }: StreamSettings): StreamQueue<Entry, Outcome> {
  if (mode === 'ordered') return new OrderedQueue(capacity);
  if (mode === 'unordered') return new UnorderedQueue(capacity);
  if (key === undefined) throw new Error('mode keyed without a key: the configuration was not checked');
  return new KeyedQueue(capacity, recordKey(key));
}
