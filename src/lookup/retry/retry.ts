import { type CallContext, InnerContext } from '../../core/call/call-context.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer, Service } from '../lookup.ts';

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
  /** Counts the first call. */
  called(): void;
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
  return (inner) => (request, context) => {
    rules.called();
    return new RetriedCall(inner, rules, clock, request, context).call(1);
  };
}

class RetriedCall<Req, Res> {
  readonly #inner: Service<Req, Res>;
  readonly #rules: RetryRules<Res>;
  readonly #clock: Clock;
  readonly #request: Req;
  readonly #context: CallContext;
  #failure: unknown = undefined;
  /** Attempts that have made their calls. */
  #calls = 0;

  constructor(inner: Service<Req, Res>, rules: RetryRules<Res>, clock: Clock, request: Req, context: CallContext) {
    this.#inner = inner;
    this.#rules = rules;
    this.#clock = clock;
    this.#request = request;
    this.#context = context;
  }

  call(attempt: number): Res | Promise<Res> {
    const context = attempt === 1 ? this.#context : new LaterAttempt(this.#context, attempt);
    let answer: Res | Promise<Res>;
    try {
      answer = this.#inner(this.#request, context);
    } catch (error) {
      return this.#failed(attempt, error);
    }
    if (!(answer instanceof Promise)) return this.#answered(attempt, answer);
    return answer.then(
      (result) => this.#answered(attempt, result),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  #answered(attempt: number, result: Res): Res | Promise<Res> {
    const rules = this.#rules;
    this.#calls++;
    const ms = this.#mayRetry(attempt) && rules.onResult(result) ? this.#waitMs(attempt, undefined) : undefined;
    return ms === undefined ? rules.finalResult(result, this.#calls) : this.#callAfter(ms, attempt + 1);
  }

  #failed(attempt: number, error: unknown): Promise<Res> {
    const rules = this.#rules;
    if (rules.madeCall(error)) this.#calls++;
    this.#failure = rules.failure(error, this.#calls, this.#failure);
    const ms = this.#mayRetry(attempt) && rules.onError(error) ? this.#waitMs(attempt, error) : undefined;
    if (ms === undefined) throw this.#failure;
    return this.#callAfter(ms, attempt + 1);
  }

  /** No rule gets the outcome of a call that was cancelled or whose time ran out (semantics T3). */
  #mayRetry(attempt: number): boolean {
    return !this.#context.cancelled && !this.#context.inputEnd.ended && this.#rules.canRetry(attempt);
  }

  /** Undefined if the wait would not end before the deadline (semantics R4), or if the budget is spent. */
  #waitMs(attempt: number, error: unknown): number | undefined {
    // Rounded up: a Node timer of 1.5 ms fires after 1.
    const ms = Math.ceil(Math.max(0, this.#rules.delayMs(attempt, error)));
    return this.#clock.now() + ms < this.#context.deadline && this.#rules.permit() ? ms : undefined;
  }

  #callAfter(ms: number, attempt: number): Promise<Res> {
    const context = this.#context;
    return new Promise((resolve, reject) => {
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
        if (!endWait()) return;
        try {
          this.#rules.retried();
          resolve(this.call(attempt));
        } catch (error) {
          reject(error);
        }
      };
      context.retryWaiting(1);
      const stopTimer = this.#clock.setTimer(ms, callNow);
      const removeCancelHook = context.onCancel((reason) => {
        if (endWait()) reject(this.#rules.failure(cancelledError(reason), this.#calls, this.#failure));
      });
      // Callers of other inputs may share the call: it waits on as long as the input of one of them has not ended.
      const watchInput = (): void => {
        if (!waiting) return;
        if (context.inputEnd.ended) callNow();
        else removeEndHook = context.inputEnd.onEnd(watchInput);
      };
      watchInput();
    });
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
