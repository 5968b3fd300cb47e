import { Failure } from '../../src/library/failure.ts';
import { OrderedQueue } from '../../src/operator/queues/ordered-queue.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';
import { but, oneFutureForAll, options, overtaking, queue, retried, spoiling, type Planted } from './bad-parts.ts';
import { errorName, type Queue } from './model.ts';
import { queueOf } from './parts.ts';

/** Defects of admission, order, completion and end. */
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
          if (slot !== undefined && input.seq % 50 === 49) Object.defineProperty(slot, 'mayStart', { value: false });
          return slot;
        },
      }),
    ),
  },
  {
    what: 'onRoom that is not called',
    rule: 'C4',
    plan: { capacity: 3 },
    plant: options(() => ({ onRoom() {} })),
  },
  {
    what: 'a downstream that is not checked for room',
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
    what: 'a watermark that waits for the next record',
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
            get isCurrent() {
              return true;
            },
            complete(output) {
              const values = output instanceof Failure ? [] : [...output];
              if (attempt.isCurrent) attempt.complete((first = values));
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
    what: 'onEnd that is not called',
    rule: 'E1',
    plan: { ending: 'end' },
    plant: () => ({ operator: (right) => but(right, { end() {} }) }),
  },
  {
    what: 'an abort that cancels no call',
    rule: 'E2',
    plan: { ending: 'abort', abortAtCall: 20, synchronous: 0.1 },
    plant: () => ({ operator: (right) => but(right, { abort() {} }) }),
  },
  {
    what: 'an input that is changed',
    rule: 'P6',
    plan: { ...retried, level: 'library', style: 'callback' },
    plant: () => ({ fn: spoiling }),
  },
  {
    what: 'a restart without the pending elements',
    rule: 'E4',
    plan: { level: 'library', mode: 'unordered', ending: 'resume', capacity: 40 },
    plant: () => ({ resume: (right) => ({ ...right, pending: right.pending.slice(1) }) }),
  },
  {
    what: 'a checkpoint without the pending elements',
    rule: 'E3',
    plan: { mode: 'unordered', capacity: 40 },
    plant: () => ({ checkpoint: (right) => ({ ...right, pending: right.pending.slice(1) }) }),
  },
];
