import { InputEnd } from '../../src/core/call/call-context.ts';
import { Failure } from '../../src/library/failure.ts';
import { but, options, queue, retried, undisarmed, withoutDeadline, type Planted } from './bad-parts.ts';

/** Defects of timeouts and retries. */
export const plantedInTime: readonly Planted[] = [
  {
    what: 'a wrong deadline in the context',
    rule: 'T1',
    plan: { timeoutMs: 60 },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) => invoke(input, but(attempt, { deadline: attempt.deadline + 1 })),
    })),
  },
  {
    what: 'a timeout that never fires',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, retry: undefined, attemptTimeoutMs: 0 },
    plant: () => ({ clock: (right) => but(right, { setTimer: () => () => {} }) }),
  },
  {
    what: 'a call that goes on after its timeout',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, hook: true, retry: undefined },
    plant: options(({ invoke }) => ({
      invoke: (input, attempt) =>
        invoke(input, but(attempt, { onCancel: () => () => {}, signal: new AbortController().signal })),
    })),
  },
  {
    what: 'a hook that goes on after its timeout',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, hook: true, retry: undefined, hangs: 0.3, ending: 'end' },
    plant: options(({ onTimeout }) => ({
      onTimeout: (input, attempt) =>
        onTimeout(input, but(attempt, { onCancel: () => () => {}, signal: new AbortController().signal })),
    })),
  },
  {
    what: 'a hook with the deadline of its record',
    rule: 'T2',
    plan: { timeoutMs: 20, tail: 0.2, hook: true, retry: undefined },
    plant: options(({ timeoutMs, onTimeout }) => ({
      onTimeout: (input, attempt) => onTimeout(input, but(attempt, { deadline: attempt.deadline - timeoutMs })),
    })),
  },
  {
    what: 'a timeout that is not disarmed',
    rule: 'T4',
    plan: { timeoutMs: 20, hook: true, retry: undefined, synchronous: 0, ending: 'end' },
    plant: queue((right, _, clock) => undisarmed(right, clock)),
  },
  {
    what: 'a timer that is not disarmed',
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
    what: 'a wait that cannot end in time',
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
    what: 'a predicate that is called with the outcome of the timeout hook',
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
  },
];
