import { type CallContext, InnerContext } from '../../core/call/call-context.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer } from '../lookup.ts';
import { type Begin, beginOf, serviceOf } from '../service.ts';

/**
 * Decides whether a call is made again. `attempt` is the number of the call that has just ended, 1 = first.
 *
 * The rules are called in this order, and none of them after the call was cancelled or its input has ended. An error that
 * a rule throws is the outcome of the record.
 */
export interface RetryRules<Res> {
  /** Whether another call may follow this one at all. Pure. */
  canRetry(attempt: number): boolean;
  /** Whether this result is worth another call. */
  onResult(result: Res): boolean;
  /** Whether this failure is worth another call. */
  onError(error: unknown): boolean;
  /** Whether a failed attempt has made its call: a breaker may have refused it. */
  madeCall(error: unknown): boolean;
  /** Milliseconds to wait. `error` is undefined after a result. */
  delayMs(attempt: number, error: unknown): number;
  /** Whether the budget has a retry left. It is spent by this call. */
  permit(): boolean;
  /** Counts the first call. `nowMs`: the time of the clock, if it was just read. */
  called(nowMs: number | undefined): void;
  /** Counts a later call. */
  retried(): void;
  /** The final result as the layer returns it. */
  finalResult(result: Res, attempts: number): Res;
  /**
   * The failure as the layer throws it, if it is final. `attempts` is the number of calls so far; `earlier` is the value that
   * this method returned for the previous failure, undefined for the first one.
   */
  failure(error: unknown, attempts: number, earlier: unknown): unknown;
}

/** Rules without a budget and without counts, which leave results and errors as they are. */
export const plainRules = {
  madeCall: (): boolean => true,
  permit: (): boolean => true,
  called(): void {},
  retried(): void {},
  finalResult: <Res>(result: Res): Res => result,
  failure: (error: unknown): unknown => error,
};

/**
 * Calls again, after a wait, if a call failed or its result is not wanted (semantics R1 to R6).
 *
 *     const layer = retry(rules, { clock });
 *     const service = stack(connector.call, layer, timeout({ timeoutMs: 500, clock }));
 *
 *     call 1 ── outcome ── wait ── call 2 ── outcome ── … ── final
 *                  │        ├─ input ends: call 2 is made now, and is the last
 *                  │        └─ cancelled: fails, no call
 *                  └─ final at once: no rule wants a retry, or the wait would not end before the deadline
 *
 * The first call gets the context of its caller; a later one gets that context with its own number. If the first
 * outcome is final and came without a promise, it is returned without a promise. While a record waits there is one
 * timer, one hook for the cancellation and one for the end of the input; after the wait there is none of them.
 */
export function retry<Req, Res>(rules: RetryRules<Res>, deps: { readonly clock: Clock }): Layer<Req, Res> {
  const { clock } = deps;
  return (inner) => {
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => {
      rules.called(nowMs);
      return new RetriedCall(begin, rules, clock, request, context, receiver).call(1, nowMs);
    });
  };
}

/** Receives the outcome of each call. */
class RetriedCall<Req, Res> implements Receiver<Res> {
  readonly #inner: Begin<Req, Res>;
  readonly #rules: RetryRules<Res>;
  readonly #clock: Clock;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #receiver: Receiver<Res>;
  /** The number of the last call, 1 = first. */
  #attempt = 1;
  #failure: unknown = undefined;
  /** Attempts that have made their calls. */
  #calls = 0;

  constructor(
    inner: Begin<Req, Res>,
    rules: RetryRules<Res>,
    clock: Clock,
    request: Req,
    context: CallContext,
    receiver: Receiver<Res>,
  ) {
    this.#inner = inner;
    this.#rules = rules;
    this.#clock = clock;
    this.#request = request;
    this.#context = context;
    this.#receiver = receiver;
  }

  call(attempt: number, nowMs?: number): Res | Later {
    this.#attempt = attempt;
    const context = attempt === 1 ? this.#context : new LaterAttempt(this.#context, attempt);
    let answer: Res | Later;
    try {
      answer = this.#inner(this.#request, context, this, nowMs);
    } catch (error) {
      return this.#afterFailure(error);
    }
    return answer === later ? later : this.#afterAnswer(answer);
  }

  answered(result: Res, nowMs?: number): void {
    let final: Res | Later;
    try {
      final = this.#afterAnswer(result);
    } catch (error) {
      return this.#receiver.failed(error);
    }
    if (final !== later) this.#receiver.answered(final, nowMs);
  }

  failed(error: unknown): void {
    try {
      this.#afterFailure(error);
    } catch (final) {
      this.#receiver.failed(final);
    }
  }

  /** The final answer, or `later` if another call follows. */
  #afterAnswer(result: Res): Res | Later {
    const rules = this.#rules;
    this.#calls++;
    const ms = this.#mayRetry() && rules.onResult(result) ? this.#waitMs(undefined) : undefined;
    return ms === undefined ? rules.finalResult(result, this.#calls) : this.#callAfter(ms);
  }

  /** Throws the final failure. */
  #afterFailure(error: unknown): Later {
    const rules = this.#rules;
    if (rules.madeCall(error)) this.#calls++;
    this.#failure = rules.failure(error, this.#calls, this.#failure);
    const ms = this.#mayRetry() && rules.onError(error) ? this.#waitMs(error) : undefined;
    if (ms === undefined) throw this.#failure;
    return this.#callAfter(ms);
  }

  /** No rule gets the outcome of a call that was cancelled or whose time ran out (semantics T3). */
  #mayRetry(): boolean {
    return !this.#context.cancelled && !this.#context.inputEnd.ended && this.#rules.canRetry(this.#attempt);
  }

  /** Undefined if the wait would not end before the deadline (semantics R4), or if the budget is spent. */
  #waitMs(error: unknown): number | undefined {
    // Rounded up: a Node timer of 1.5 ms fires after 1.
    const ms = Math.ceil(Math.max(0, this.#rules.delayMs(this.#attempt, error)));
    return this.#clock.now() + ms < this.#context.deadline && this.#rules.permit() ? ms : undefined;
  }

  #callAfter(ms: number): Later {
    const context = this.#context;
    let waiting = true;
    let removeEndHook: (() => void) | undefined;
    // Timer, cancellation and end of the input can come together, and a hook that is being called cannot be removed.
    const endWait = (): boolean => {
      if (!waiting) return false;
      waiting = false;
      stopTimer();
      removeCancelHook();
      removeEndHook?.();
      context.retryWaiting(-1);
      return true;
    };
    const callNow = (): void => {
      if (endWait()) this.#callAgain();
    };
    context.retryWaiting(1);
    const stopTimer = this.#clock.setTimer(ms, callNow);
    const removeCancelHook = context.onCancel((reason) => {
      if (endWait()) this.#receiver.failed(this.#rules.failure(cancelledError(reason), this.#calls, this.#failure));
    });
    // Callers of other inputs may share the call: it waits on as long as the input of one of them has not ended.
    const watchInput = (): void => {
      if (!waiting) return;
      if (context.inputEnd.ended) callNow();
      else removeEndHook = context.inputEnd.onEnd(watchInput);
    };
    watchInput();
    return later;
  }

  #callAgain(): void {
    let answer: Res | Later;
    try {
      this.#rules.retried();
      answer = this.call(this.#attempt + 1);
    } catch (error) {
      return this.#receiver.failed(error);
    }
    if (answer !== later) this.#receiver.answered(answer);
  }
}

/** The context of the caller with the number of this call. */
class LaterAttempt extends InnerContext {
  readonly #number: number;

  constructor(caller: CallContext, attempt: number) {
    super(caller);
    this.#number = attempt;
  }

  override get attempt(): number {
    return this.#number;
  }
}
