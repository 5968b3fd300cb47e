import { Cancellation, type CallContext } from '../core/call/call-context.ts';
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
    const timedCall = new TimedCall<Res>(context, clock.now() + timeoutMs);
    const answer = service(request, timedCall);
    if (!(answer instanceof Promise)) return answer;
    return timedCall.race(answer, deadlines, hook && (() => bounded(hook, request, context, undefined)));
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

  constructor(caller: CallContext, due: number) {
    super(Math.min(caller.deadline, due), caller.attempt, caller);
    this.due = due;
  }

  expire(error: RecordError): void {
    this.#expired = true;
    this.cancel(error);
  }

  /** The answer, or the reason of a cancellation that comes first. If the time ran out, `onExpired` gives the outcome. */
  race(
    answer: Promise<Res>,
    deadlines: Deadlines<TimedCall<Res>>,
    onExpired: (() => Res | Promise<Res>) | undefined,
  ): Promise<Res> {
    return new Promise((resolve, reject) => {
      deadlines.arm(this, this.due);
      const disarm = (): void => {
        deadlines.disarm(this);
        deadlines.stopIdleTimer();
      };
      // A cancellation of the caller goes through `cancel`, so that the first reason decides for both.
      const removeCancelHook = this.caller.onCancel((reason) => this.cancel(reason));
      this.onCancel((reason) => {
        disarm();
        removeCancelHook();
        if (!this.#expired || onExpired === undefined) return reject(cancelledError(reason));
        try {
          resolve(onExpired());
        } catch (error) {
          reject(RecordError.from(error));
        }
      });
      answer.then(
        (value) => {
          disarm();
          removeCancelHook();
          return resolve(value);
        },
        (error: unknown) => {
          disarm();
          removeCancelHook();
          return reject(RecordError.from(error));
        },
      );
    });
  }
}
