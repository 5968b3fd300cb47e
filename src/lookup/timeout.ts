import type { CallContext } from '../core/call/call-context.ts';
import { Cancellation } from '../core/call/cancellation.ts';
import { cancelledError } from '../core/call/cancelled.ts';
import { Deadlines, type Timed } from '../core/time/deadlines.ts';
import { RecordError } from '../core/errors.ts';
import type { Clock } from '../core/time/time.ts';
import type { Layer, Service } from './lookup.ts';

export interface TimeoutOptions<Req, Res> {
  /** Milliseconds of one attempt; 0 = no limit. The waits above this layer are not counted. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Gives the outcome of an attempt whose time ran out. Without it the attempt fails with `timeout`. */
  readonly onTimeout?: Service<Req, Res> | undefined;
}

/**
 * Bounds the time of one attempt.
 *
 *     const service = timeout<Arguments, Answer>({ timeoutMs: 500, clock })(connector.call);
 *
 * When the time is over, the attempt fails with `timeout`, and the inner call is cancelled with the same error; the
 * context of the caller is not cancelled. An inner call with an immediate answer needs no deadline. All attempts of one
 * layer have the same time and share one timer. `onTimeout` is called after the cancellation and gets the same time
 * again (semantics T2); then it is cancelled too, and the attempt fails with `timeout`.
 */
export function timeout<Req, Res>(options: TimeoutOptions<Req, Res>): Layer<Req, Res> {
  const { timeoutMs, clock, onTimeout } = options;
  if (timeoutMs === 0) return (inner) => inner;
  const deadlines = new Deadlines<TimedCall<Res>>(clock, (timedCall) =>
    timedCall.expire(new RecordError('timeout', `no answer within ${timeoutMs} ms`)),
  );
  const bounded = (
    service: Service<Req, Res>,
    request: Req,
    context: CallContext,
    hook: Service<Req, Res> | undefined,
  ): Res | Promise<Res> => {
    const timedCall = new TimedCall<Res>(context, clock.now() + timeoutMs, deadlines);
    const answer = service(request, timedCall);
    if (!(answer instanceof Promise)) return answer;
    return timedCall.race(answer, hook && (() => bounded(hook, request, context, undefined)));
  };
  return (inner) => (request, context) => bounded(inner, request, context, onTimeout);
}

/** The context of the inner call. It is its own link in the list of deadlines. */
class TimedCall<Res> extends Cancellation implements Timed<TimedCall<Res>> {
  due: number;
  armed = false;
  sooner: TimedCall<Res> | undefined = undefined;
  later: TimedCall<Res> | undefined = undefined;
  #expired = false;
  readonly #deadlines: Deadlines<TimedCall<Res>>;
  #onExpired: (() => Res | Promise<Res>) | undefined = undefined;
  #resolve: ((answer: Res | Promise<Res>) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  constructor(caller: CallContext, due: number, deadlines: Deadlines<TimedCall<Res>>) {
    super(Math.min(caller.deadline, due), caller.attempt, caller);
    this.due = due;
    this.#deadlines = deadlines;
  }

  expire(error: RecordError): void {
    this.#expired = true;
    this.cancel(error);
  }

  /** The answer, or the reason of a cancellation that comes first. If the time ran out, `onExpired` gives the outcome. */
  race(answer: Promise<Res>, onExpired: (() => Res | Promise<Res>) | undefined): Promise<Res> {
    this.#onExpired = onExpired;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#deadlines.arm(this, this.due);
      // A cancellation of the caller goes through `cancel`, so that the first reason decides for both.
      this.caller.addCancelListener(this);
      answer.then(
        (value) => {
          this.#end();
          return resolve(value);
        },
        (error: unknown) => {
          this.#end();
          return reject(RecordError.from(error));
        },
      );
    });
  }

  callCancelled(reason: unknown): void {
    this.cancel(reason);
  }

  /** The inner call is cancelled first. */
  override cancel(reason: unknown): void {
    if (this.cancelled) return;
    super.cancel(reason);
    this.#end();
    if (!this.#expired || this.#onExpired === undefined) return this.#reject?.(cancelledError(reason));
    try {
      this.#resolve?.(this.#onExpired());
    } catch (error) {
      this.#reject?.(RecordError.from(error));
    }
  }

  #end(): void {
    this.#deadlines.disarm(this);
    this.#deadlines.stopIdleTimer();
    this.caller.removeCancelListener(this);
  }
}
