import type { Clock } from '../../src/core/time.ts';
import { InputEnd } from '../../src/core/call-context.ts';
import { Failure } from '../../src/library/failure.ts';
import { OrderedQueue } from '../../src/operator/ordered-queue.ts';
import { UnorderedQueue } from '../../src/operator/unordered-queue.ts';
import { but, oneFutureForAll, overtaking, undisarmed, withoutDeadline } from './bad-parts.ts';
import { errorName, type Queue } from './model.ts';
import { queueOf, type Defects, type OperatorOptions } from './parts.ts';
import type { Plan, PlanLimits } from './plan.ts';

/** A defect, and the rule by which it has to be found. */
export interface Planted {
  readonly what: string;
  readonly rule: string;
  readonly plan: PlanLimits;
  /** Made anew for each round. */
  readonly plant: () => Defects;
}

const options = (change: (right: OperatorOptions) => Partial<OperatorOptions>): (() => Defects) => {
  return () => ({ options: (right) => ({ ...right, ...change(right) }) });
};

const queue = (change: (right: Queue, plan: Plan, clock: Clock) => Queue): (() => Defects) => {
  return () => ({ queue: change });
};

const retried: PlanLimits = {
  timeoutMs: 250,
  hangs: 0,
  ending: 'end',
  errors: 0.5,
  retry: { kind: 'exponential', retries: 2, initialMs: 2, multiplier: 2, maxMs: 40 },
};

export const planted: readonly Planted[] = [
  {
    what: 'one slot too many',
    rule: 'C2',
    plan: {},
    plant: queue((_, plan) => queueOf({ mode: plan.mode, capacity: plan.capacity + 1 })),
  },
  {
    what: 'a record that is not started',
    rule: 'C1',
    plan: {},
    plant: queue((right) =>
      but(right, {
        tryPut(input) {
          const slot = right.tryPut(input);
          if (slot !== undefined && input.seq % 50 === 49) slot.mayStart = false;
          return slot;
        },
      }),
    ),
  },
  {
    what: 'a source that is not told of room',
    rule: 'C4',
    plan: { capacity: 3 },
    plant: options(() => ({ onRoom() {} })),
  },
  {
    what: 'a downstream that is not asked',
    rule: 'C5',
    plan: { slowReader: 0.5 },
    plant: options(({ downstream }) => ({ downstream: but(downstream, { ready: true }) })),
  },
  {
    what: 'order of completion',
    rule: 'O1',
    plan: { mode: 'ordered' },
    plant: queue((_, p) => new UnorderedQueue(p.capacity)),
  },
  {
    what: 'order of input',
    rule: 'O2',
    plan: { mode: 'unordered', capacity: 10 },
    plant: queue((_, p) => new OrderedQueue(p.capacity)),
  },
  {
    what: 'a watermark that overtakes',
    rule: 'O2',
    plan: { mode: 'unordered', watermarks: 0.1 },
    plant: queue(overtaking),
  },
  {
    what: 'two calls of one key',
    rule: 'O3',
    plan: { mode: 'keyed', keys: 3, capacity: 10 },
    plant: queue((_, plan) => new UnorderedQueue(plan.capacity)),
  },
  {
    what: 'an outcome that is dropped',
    rule: 'O4',
    plan: {},
    plant: queue((right) => {
      let taken = 0;
      return but(right, {
        take() {
          const slot = right.take();
          return ++taken > 99 && right.size === 0 ? undefined : slot;
        },
      });
    }),
  },
  {
    what: 'an outcome that is emitted twice',
    rule: 'O4',
    plan: {},
    plant: queue((right) => {
      let last: ReturnType<Queue['take']>;
      let taken = 0;
      return but(right, {
        take() {
          if (++taken % 100 !== 99) last = right.take();
          return last;
        },
      });
    }),
  },
  {
    what: 'a watermark that waits for company',
    rule: 'O5',
    plan: { watermarks: 0.2 },
    plant: queue((right) =>
      but(right, {
        get ready() {
          return right.ready && [...right.slots()][0]?.barrier === undefined;
        },
      }),
    ),
  },
  {
    what: 'the last completion wins',
    rule: 'P1',
    plan: { mode: 'ordered', style: 'callback', retry: undefined, attemptTimeoutMs: 0, doubles: 0.5 },
    plant: options(({ invoke }) => ({
      invoke(input, attempt) {
        let first: number[] | undefined;
        invoke(
          input,
          but(attempt, {
            get open() {
              return true;
            },
            complete(output) {
              const values = output instanceof Failure ? [] : [...output];
              if (attempt.open) attempt.complete((first = values));
              else first?.splice(0, first.length, ...values);
            },
          }),
        );
      },
    })),
  },
  {
    what: 'the completion of an old attempt',
    rule: 'P2',
    plan: { ...retried, style: 'callback', doubles: 0.5, synchronous: 0, mode: 'unordered' },
    plant: () => ({ fn: oneFutureForAll }),
  },
  {
    what: 'null for an empty collection',
    rule: 'P3',
    plan: { invalid: 0.2 },
    plant: options(() => ({ onError: (error) => (errorName(error) === 'invalid_result' ? [] : new Failure(error)) })),
  },
  {
    what: 'an error that leaves its slot open',
    rule: 'P5',
    plan: { errors: 0.3, retry: undefined, doubles: 0, timeoutMs: 0, hangs: 0 },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) => invoke(input, but(attempt, { fail() {} })),
    })),
  },
  {
    what: 'a deadline told wrong',
    rule: 'T1',
    plan: { timeoutMs: 60 },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) => invoke(input, but(attempt, { deadline: attempt.deadline + 1 })),
    })),
  },
  {
    what: 'a timeout that never comes',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, retry: undefined, attemptTimeoutMs: 0 },
    plant: () => ({ clock: (right) => but(right, { setTimer: () => () => {} }) }),
  },
  {
    what: 'a call that runs on after its time',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, hook: true, retry: undefined },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) =>
        invoke(input, but(attempt, { onCancel: () => () => {}, signal: new AbortController().signal })),
    })),
  },
  {
    what: 'a timeout that is not disarmed',
    rule: 'T4',
    plan: { timeoutMs: 20, hook: true, retry: undefined, synchronous: 0, ending: 'end' },
    plant: queue((right, _, clock) => undisarmed(right, clock)),
  },
  {
    what: 'a timer that is not taken back',
    rule: 'T6',
    plan: { timeoutMs: 250 },
    plant: () => ({
      clock: (right) =>
        but(right, {
          setTimer(ms, fire) {
            right.setTimer(ms, fire);
            return () => {};
          },
        }),
    }),
  },
  {
    what: 'a retry too many',
    rule: 'R2',
    plan: retried,
    plant: () => ({ strategy: (right) => ({ ...right, canRetry: (attempt) => right.canRetry(attempt - 1) }) }),
  },
  {
    what: 'a retry too few',
    rule: 'R1',
    plan: retried,
    plant: () => ({ strategy: (right) => ({ ...right, canRetry: (attempt) => right.canRetry(attempt + 1) }) }),
  },
  {
    what: 'a backoff that all records share',
    rule: 'R3',
    plan: { ...retried, timeoutMs: 100_000 },
    plant: () => {
      let waits = 0;
      return { strategy: (right) => ({ ...right, delay: () => right.delay(1 + (waits++ % 3)) }) };
    },
  },
  {
    what: 'a wait that can not end in time',
    rule: 'R4',
    plan: {
      ...retried,
      timeoutMs: 20,
      attemptTimeoutMs: 0,
      style: 'callback',
      retry: { kind: 'fixed', retries: 5, initialMs: 10, multiplier: 1, maxMs: 10 },
    },
    plant: withoutDeadline,
  },
  {
    what: 'a wait that goes on after the end of the input',
    rule: 'R6',
    plan: { ...retried, cutWaits: true, retry: { kind: 'fixed', retries: 5, initialMs: 40, multiplier: 1, maxMs: 40 } },
    plant: () => ({ operator: (right) => but(right, { end: () => right.end(false) }) }),
  },
  {
    what: 'a retry after the end of the input',
    rule: 'R6',
    plan: { ...retried, cutWaits: true, capacity: 100 },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) => {
        const endless = new InputEnd();
        invoke(input, but(attempt, { inputEnd: endless }));
      },
    })),
  },
  {
    what: 'an end that is not told',
    rule: 'E1',
    plan: { ending: 'end' },
    plant: () => ({ operator: (right) => but(right, { end() {} }) }),
  },
  {
    what: 'an abort that aborts nothing',
    rule: 'E2',
    plan: { ending: 'abort', abortAtCall: 20, synchronous: 0.1 },
    plant: () => ({ operator: (right) => but(right, { abort() {} }) }),
  },
  {
    what: 'a checkpoint that forgets what is pending',
    rule: 'E3',
    plan: { mode: 'unordered', capacity: 40 },
    plant: () => ({ checkpoint: (right) => ({ ...right, pending: right.pending.slice(1) }) }),
  },
];

/** T3 needs the strategy in the hands of whoever runs the hook. */
export const hookUnderRetry: Planted = {
  what: 'a predicate that sees what the timeout hook gives',
  rule: 'T3',
  plan: { ...retried, timeoutMs: 20, tail: 0.2, hook: true },
  plant() {
    let ifResult: ((values: readonly number[]) => boolean) | undefined;
    return {
      strategy(right) {
        ifResult = right.ifResult;
        return right;
      },
      options: (right) => ({
        ...right,
        onTimeout: (input, attempt) =>
          right.onTimeout(
            input,
            but(attempt, {
              complete(output) {
                if (!(output instanceof Failure)) ifResult?.(output);
                attempt.complete(output);
              },
            }),
          ),
      }),
    };
  },
};
