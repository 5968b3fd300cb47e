import type { Clock } from '../../src/core/time/time.ts';
import type { CallContext } from '../../src/core/call/call-context.ts';
import { exponentialBackoff, withFullJitter } from '../../src/core/time/backoff.ts';
import type { Checkpoint } from '../../src/library/checkpoint/checkpoint.ts';
import {
  functionService,
  invocation,
  retriedInvocation,
  type FunctionOutcome,
  type Invocation,
} from '../../src/library/invocation.ts';
import { AsyncRetryStrategies, type AsyncRetryStrategy } from '../../src/library/options/retry-strategies.ts';
import { timeout } from '../../src/lookup/timeout.ts';
import type { Fn } from '../../src/operator/async-function.ts';
import type { AsyncWait } from '../../src/operator/async-wait.ts';
import type { AsyncWaitOptions } from '../../src/operator/async-wait-options.ts';
import { KeyedQueue } from '../../src/operator/queues/keyed-queue.ts';
import { OrderedQueue } from '../../src/operator/queues/ordered-queue.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';
import { hasCancelHook } from './faulty-function.ts';
import { errorName, type Input, type Model, type Queue } from './model.ts';
import type { Plan } from './plan.ts';
import { worthRetry } from './retry-model.ts';

export type Operator = Pick<
  AsyncWait<Input, FunctionOutcome<number>>,
  | 'offer'
  | 'offerBarrier'
  | 'end'
  | 'abort'
  | 'downstreamReady'
  | 'size'
  | 'inFlight'
  | 'retryWaiting'
  | 'completedWaiting'
  | 'lateCompletions'
>;

export type OperatorOptions = AsyncWaitOptions<Input, FunctionOutcome<number>>;

/** The places for planted defects: each part under test may be replaced. */
export interface Defects {
  readonly queue?: (right: Queue, plan: Plan, clock: Clock) => Queue;
  readonly clock?: (right: Clock) => Clock;
  readonly fn?: (right: Fn<Input, number>) => Fn<Input, number>;
  readonly strategy?: (right: AsyncRetryStrategy<number>) => AsyncRetryStrategy<number>;
  readonly options?: (right: OperatorOptions) => OperatorOptions;
  readonly operator?: (right: Operator) => Operator;
  readonly checkpoint?: (right: Checkpoint<Input>) => Checkpoint<Input>;
  readonly resume?: (right: Checkpoint<Input>) => Checkpoint<Input>;
}

export function queueOf({ mode, capacity }: Pick<Plan, 'mode' | 'capacity'>): Queue {
  if (mode === 'ordered') return new OrderedQueue(capacity);
  if (mode === 'unordered') return new UnorderedQueue(capacity);
  return new KeyedQueue(capacity, ({ key }) => `key ${key}`);
}

/** The library's strategy, which reports the calls of its predicates. */
export function strategyOf(plan: Plan, model: Model): AsyncRetryStrategy<number> | undefined {
  const { retry } = plan;
  if (retry === undefined) return undefined;
  const { kind, retries, initialMs, maxMs, multiplier } = retry;
  const when = {
    maxAttempts: retries,
    ifResult: (values: readonly number[]): boolean => {
      // 127 is the number of a timeout hook.
      if (((values[0] ?? 0) >> 3) % 128 === 127)
        model.rules.broken('T3', 'a predicate was called with the result of the timeout hook');
      return worthRetry(values);
    },
    ifError: (error: unknown): boolean => {
      const name = errorName(error);
      if (name.endsWith('.127')) model.rules.broken('T3', 'a predicate was called with the error of the timeout hook');
      return worthRetry(name);
    },
  };
  if (kind === 'fixed') return AsyncRetryStrategies.fixedDelay({ ...when, delayMs: initialMs });
  const options = { ...when, initialDelayMs: initialMs, maxDelayMs: maxMs, multiplier };
  const exponential = AsyncRetryStrategies.exponentialBackoff(options);
  if (kind === 'exponential') return exponential;
  const jittered = withFullJitter(exponentialBackoff({ initialMs, maxMs, multiplier }), () => model.retry.jitter);
  return { ...exponential, delay: (attempt) => jittered.delayMs(attempt) };
}

/** The layers around the function, according to the plan: retry, timeout of an attempt, function. */
export function invocationOf(
  plan: Plan,
  fn: Fn<Input, number>,
  strategy: AsyncRetryStrategy<number> | undefined,
  clock: Clock,
): Invocation<Input, number> {
  const timed = plan.attemptTimeoutMs > 0 ? withAttemptTimeout(fn, plan.attemptTimeoutMs, clock) : fn;
  const called = strategy === undefined ? invocation(timed) : retriedInvocation(timed, strategy, clock);
  return { invoke: called.invoke, onTimeout: invocation(fn).onTimeout };
}

function withAttemptTimeout(fn: Fn<Input, number>, timeoutMs: number, clock: Clock): Fn<Input, number> {
  const service = timeout<Input, readonly number[]>({ timeoutMs, clock })(functionService(fn));
  return (input, context) => service(input, callContext(context));
}

function callContext(context: object): CallContext {
  if (hasCancelHook(context)) return context;
  throw new Error('the library gives its functions no call context any more');
}
