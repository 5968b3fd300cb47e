import type { Clock } from '../../src/core/time/time.ts';
import type { Fn } from '../../src/operator/async-function.ts';
import type { ResultFuture } from '../../src/operator/async-function.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';
import type { Watermark } from '../../src/operator/watermark.ts';
import type { Input, Queue } from './model.ts';
import type { Defects, OperatorOptions } from './parts.ts';
import type { Plan, PlanLimits } from './plan.ts';

/** A defect, and the rule that must detect it. */
export interface Planted {
  readonly what: string;
  readonly rule: string;
  readonly plan: PlanLimits;
  /** Made for each round. */
  readonly plant: () => Defects;
}

export const options = (change: (right: OperatorOptions) => Partial<OperatorOptions>): (() => Defects) => {
  return () => ({ options: (right) => ({ ...right, ...change(right) }) });
};

export const queue = (change: (right: Queue, plan: Plan, clock: Clock) => Queue): (() => Defects) => {
  return () => ({ queue: change });
};

export const retried: PlanLimits = {
  timeoutMs: 250,
  hangs: 0,
  ending: 'end',
  errors: 0.5,
  retry: { kind: 'exponential', retries: 2, initialMs: 2, multiplier: 2, maxMs: 40 },
};

/** The same object, except for some members. Its own methods can still read its private fields. */
export function but<Whole extends object>(whole: Whole, changed: Partial<Whole>): Whole {
  return new Proxy(whole, {
    get(target, name) {
      if (name in changed) return Reflect.get(changed, name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** Takes every watermark out at once. */
export function overtaking(right: Queue): Queue {
  const waiting: NonNullable<ReturnType<Queue['tryPutBarrier']>>[] = [];
  const apart = new UnorderedQueue<Input, never>(1_000_000);
  return but(right, {
    get ready() {
      return waiting.length > 0 || right.ready;
    },
    get size() {
      return waiting.length + right.size;
    },
    tryPutBarrier(barrier: Watermark) {
      const slot = apart.tryPutBarrier(barrier);
      if (slot !== undefined) waiting.push(slot);
      return slot;
    },
    take: () => waiting.shift() ?? right.take(),
  });
}

/** A slot that appears to have no deadline when the deadline is to be disarmed. */
export function undisarmed(right: Queue, clock: Clock): Queue {
  return but(right, {
    tryPut(input: Input) {
      const slot = right.tryPut(input);
      if (slot === undefined) return undefined;
      let armed = false;
      return Object.defineProperty(slot, 'armed', {
        get: () => armed && (slot.attempt !== undefined || clock.now() >= slot.due),
        set: (value: boolean) => {
          armed = value;
        },
      });
    },
  });
}

/** The future of the first attempt completes any later attempt of the record. */
export function oneFutureForAll(right: Fn<Input, number>): Fn<Input, number> {
  if (typeof right === 'function') return right;
  const newest = new Map<number, ResultFuture<number>>();
  return but(right, {
    asyncInvoke(input, result, context) {
      newest.set(input.seq, result);
      const shared: ResultFuture<number> = {
        complete: (values) => newest.get(input.seq)?.complete(values),
        completeExceptionally: (error) => newest.get(input.seq)?.completeExceptionally(error),
      };
      right.asyncInvoke(input, shared, context);
    },
  });
}

/** Only the function has the deadline of a record. */
export function withoutDeadline(): Defects {
  const deadlines = new Map<number, number>();
  return {
    options: (right) => ({
      ...right,
      invoke(input, attempt) {
        deadlines.set(input.seq, attempt.deadline);
        right.invoke(input, but(attempt, { deadline: Infinity }));
      },
    }),
    fn(right) {
      if (typeof right === 'function') return right;
      return but(right, {
        asyncInvoke(input, result, context) {
          right.asyncInvoke(input, result, but(context, { deadline: deadlines.get(input.seq) ?? Infinity }));
        },
      });
    },
  };
}

/** Changes its input after its call. */
export function spoiling(right: Fn<Input, number>): Fn<Input, number> {
  if (typeof right === 'function') return right;
  return but(right, {
    asyncInvoke(input, result, context) {
      right.asyncInvoke(input, result, context);
      input.body.mark = -2;
    },
  });
}
