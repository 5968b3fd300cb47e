import { type CallContext, InnerContext } from '../core/call/call-context.ts';
import { cancelledError } from '../core/call/cancelled.ts';
import type { Clock } from '../core/time/time.ts';
import type { Layer, Service } from './lookup.ts';

/**
 * When a call is made again. `attempt` is the number of the call that has just ended, 1 = first.
 *
 * Questions are asked in the order in which they stand here, and none of them once the call was cancelled or its input
 * has ended. What one of them throws is the outcome of the record.
 */
export interface RetryRules<Res> {
  /** Whether another call may follow this one at all. Pure. */
  canRetry(attempt: number): boolean;
  /** Whether this result is worth another call. */
  onResult(result: Res): boolean;
  /** Whether this failure is worth another call. */
  onError(error: unknown): boolean;
  /** Milliseconds to wait. `error` is undefined where it was a result. */
  delayMs(attempt: number, error: unknown): number;
  /** Whether the budget has a retry left; what it gives is spent. */
  permit(): boolean;
  /** The first call is made. */
  called(): void;
  /** A further call is made. */
  retried(): void;
  /** The result as it is given out, if it is final. */
  finalResult(result: Res, attempts: number): Res;
  /**
   * Every failure as it is thrown, if it is final. `attempts` are all calls so far; `before` is what this made of the
   * failure before it, undefined for the first.
   */
  failure(error: unknown, attempts: number, before: unknown): unknown;
}

/** Rules without a budget, without counts, and with results and errors as they are. */
export const plainRules = {
  permit: (): boolean => true,
  called(): void {},
  retried(): void {},
  finalResult: <Res>(result: Res): Res => result,
  failure: (error: unknown): unknown => error,
};

/**
 * Calls again, after a wait, what failed or gave too little (semantics R1 to R6).
 *
 *     call 1 ── outcome ── wait ── call 2 ── outcome ── … ── final
 *                  │        ├─ input ends: call 2 is made now, and is the last
 *                  │        └─ cancelled: fails, no call
 *                  └─ final at once: no rule asks for more, or the wait could not end before the deadline
 *
 * The first call gets the context of its caller, a later one that context with its own number. An outcome that is
 * there at once and final is given at once. There is a timer, a hook for the cancellation and one for the end of the
 * input while a record waits, and none of them afterwards.
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
    const ms = this.#mayGoOn(attempt) && rules.onResult(result) ? this.#waitMs(attempt, undefined) : undefined;
    return ms === undefined ? rules.finalResult(result, attempt) : this.#callAfter(ms, attempt + 1);
  }

  #failed(attempt: number, error: unknown): Promise<Res> {
    const rules = this.#rules;
    this.#failure = rules.failure(error, attempt, this.#failure);
    const ms = this.#mayGoOn(attempt) && rules.onError(error) ? this.#waitMs(attempt, error) : undefined;
    if (ms === undefined) throw this.#failure;
    return this.#callAfter(ms, attempt + 1);
  }

  /** A call whose time ran out, or that nobody waits for, is over: no rule sees what came of it (semantics T3). */
  #mayGoOn(attempt: number): boolean {
    return !this.#context.cancelled && !this.#context.inputEnd.ended && this.#rules.canRetry(attempt);
  }

  /** Undefined where the wait could not end before the deadline (semantics R4), or no retry is left in the budget. */
  #waitMs(attempt: number, error: unknown): number | undefined {
    // Rounded up: a Node timer of 1.5 ms fires after 1.
    const ms = Math.ceil(Math.max(0, this.#rules.delayMs(attempt, error)));
    return this.#clock.now() + ms < this.#context.deadline && this.#rules.permit() ? ms : undefined;
  }

  #callAfter(ms: number, attempt: number): Promise<Res> {
    const context = this.#context;
    return new Promise((resolve, reject) => {
      let waiting = true;
      // Several can happen in one moment, and a hook that is being called can not be taken back.
      const leave = (): boolean => {
        if (!waiting) return false;
        waiting = false;
        stopTimer();
        forgetCancel();
        forgetEnd();
        context.retryWaiting(-1);
        return true;
      };
      const callNow = (): void => {
        if (!leave()) return;
        try {
          this.#rules.retried();
          resolve(this.call(attempt));
        } catch (error) {
          reject(error);
        }
      };
      context.retryWaiting(1);
      const stopTimer = this.#clock.setTimer(ms, callNow);
      const forgetCancel = context.onCancel((reason) => {
        if (leave()) reject(this.#rules.failure(cancelledError(reason), attempt - 1, this.#failure));
      });
      const forgetEnd = context.inputEnd.onEnd(callNow);
    });
  }
}

/** The context of the caller, but for the number of the call. */
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
