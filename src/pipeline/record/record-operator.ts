import { type Guard, guardedClock, guardedOnce } from '../../core/guard.ts';
import type { PipelineObserver } from '../../core/observer/observer.ts';
import type { MemoryShare } from '../../core/memory-budget.ts';
import type { Clock } from '../../core/time/time.ts';
import { inMicrotask } from '../../core/time/later-turn.ts';
import type { Gate } from '../../core/call/gate.ts';
import type { CallTrace } from '../../core/observer/tracing.ts';
import { AsyncWait } from '../../operator/async-wait.ts';
import type { Downstream } from '../../operator/async-wait-options.ts';
import type { BackpressureMeter } from '../../operator/backpressure-meter.ts';
import { KeyedQueue } from '../../operator/keyed-queue.ts';
import { OrderedQueue } from '../../operator/ordered-queue.ts';
import type { StreamQueue } from '../../operator/queue.ts';
import { UnorderedQueue } from '../../operator/unordered-queue.ts';
import { type AnswerForecast, RecordBytes } from '../stream/held-bytes.ts';
import { type Entry, type InvokeOptions, InvokeRecords } from './invoke-records.ts';
import type { Outcome } from './outcome.ts';
import { recordKey } from './record-key.ts';
import { TrackedQueue } from '../control/tracked-queue.ts';

export type StreamMode = 'ordered' | 'unordered' | 'keyed';

export interface RecordOperatorOptions extends InvokeOptions {
  readonly mode: StreamMode;
  /** Tokens of the place of the key, for mode `keyed`. */
  readonly key: readonly string[] | undefined;
  /** Slots, at least 1. */
  readonly capacity: number;
  /** Time of one record, 0 for none. */
  readonly timeoutMs: number;
  /** Whether the wait for the turn of the record's first call counts against `timeoutMs` (semantics C7). */
  readonly timesTurns: boolean;
  /** Where what the slots hold is counted. */
  readonly memory: MemoryShare;
  readonly forecast: AnswerForecast;
  /** The trace that the calls belong to. */
  readonly trace: CallTrace | undefined;
}

export interface RecordOperatorEnds {
  readonly downstream: Downstream<Outcome>;
  readonly onRoom: () => void;
  readonly onEnd: () => void;
  /** Told the number of each line just before it is emitted. */
  readonly leaving: ((seq: number) => void) | undefined;
  readonly backpressure: BackpressureMeter | undefined;
  /** Open while another record may be started in this turn of the event loop; undefined for a record that stands alone. */
  readonly turnGate: Gate | undefined;
  /** Around all that is not called by the stream itself. */
  readonly guard: Guard;
}

/** The operator over lines of a body: a line in, an outcome out. */
export function recordOperator(
  options: RecordOperatorOptions,
  { downstream, onRoom, onEnd, leaving, backpressure, turnGate, guard }: RecordOperatorEnds,
  observer: PipelineObserver,
  systemClock: Clock,
): AsyncWait<Entry, Outcome> {
  const clock = guardedClock(systemClock, guard);
  const guardedTurn = guardedOnce(guard);
  const { timeoutMs, timesTurns, trace, memory, forecast } = options;
  const queue = recordQueue(options);
  const records = new InvokeRecords(options, clock);
  return new AsyncWait<Entry, Outcome>({
    downstream,
    onRoom,
    onEnd,
    queue: leaving === undefined ? queue : new TrackedQueue(queue, leaving),
    turnGate,
    timeoutMs,
    timesTurns,
    trace,
    clock,
    invoke: records.invoke,
    immediateOutcome: immediateOutcomeOf(options, records, leaving),
    onTimeout: records.onTimeout,
    onError: records.onError,
    // Within the turn of the event loop in which an answer was read: the call that its slot is free for leaves with the
    // other calls of that turn, where undici would hold it back until the next answers have been read.
    schedule: (turn) => inMicrotask(guardedTurn(turn)),
    slotBytes: new RecordBytes(memory, forecast),
    observer,
    backpressure,
  });
}

/** A record with a key goes through its queue, which looks for the key and refuses a record that has none. */
function immediateOutcomeOf(
  { plan, mode }: RecordOperatorOptions,
  { immediateOutcome }: InvokeRecords,
  leaving: RecordOperatorEnds['leaving'],
): ((entry: Entry) => Outcome) | undefined {
  if (!plan.immediate || mode === 'keyed') return undefined;
  if (leaving === undefined) return immediateOutcome;
  return (entry) => {
    leaving(entry.seq);
    return immediateOutcome(entry);
  };
}

function recordQueue({ mode, capacity, key }: RecordOperatorOptions): StreamQueue<Entry, Outcome> {
  if (mode === 'ordered') return new OrderedQueue(capacity);
  if (mode === 'unordered') return new UnorderedQueue(capacity);
  if (key === undefined) throw new Error('mode keyed without a key: the configuration was not checked');
  return new KeyedQueue(capacity, recordKey(key));
}
