import { Cancellation, type CallContext } from '../core/call/call-context.ts';
import { cancelledError } from '../core/call/cancelled.ts';
import { Deadlines, type Timed } from '../core/time/deadlines.ts';
import { RecordError } from '../core/errors.ts';
import type { Clock } from '../core/time/time.ts';
import type { Layer, Service } from './lookup.ts';

export interface TimeoutOptions<Req, Res> {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onTimeout?: Service<Req, Res> | undefined;
}

/**
 * Bounds the time of one attempt.
 *
 * When it is over the call fails with `timeout`, and what it called is cancelled with that same error; the caller
 * itself is not. A call that answers at once arms nothing. All calls of one layer last equally long and share one
 * timer. `timeoutMs` 0 is no bound. `onTimeout`, if there is one, gives the outcome instead of the error: it is called
 * after the cancellation and has as long again (semantics T2), then it is cancelled and the call fails with `timeout`.
 */
export function timeout<Req, Res>(options: TimeoutOptions<Req, Res>): Layer<Req, Res> {
  const { timeoutMs, clock, onTimeout } = options;
  if (timeoutMs === 0) return (inner) => inner;
  const deadlines = new Deadlines<Attempt<Res>>(clock, (attempt) =>
    attempt.expire(new RecordError('timeout', `no answer within ${timeoutMs} ms`)),
  );
  const bounded = (
    service: Service<Req, Res>,
    request: Req,
    context: CallContext,
    afterwards: Service<Req, Res> | undefined,
  ): Res | Promise<Res> => {
    const attempt = new Attempt<Res>(context, clock.now() + timeoutMs);
    const answer = service(request, attempt);
    if (!(answer instanceof Promise)) return answer;
    return attempt.race(answer, deadlines, afterwards && (() => bounded(afterwards, request, context, undefined)));
  };
  return (inner) => (request, context) => bounded(inner, request, context, onTimeout);
}

/** The context of the inner call, and its own link in the list of deadlines. */
class Attempt<Res> extends Cancellation implements Timed<Attempt<Res>> {
  due: number;
  armed = false;
  sooner: Attempt<Res> | undefined = undefined;
  later: Attempt<Res> | undefined = undefined;
  #expired = false;

  constructor(caller: CallContext, due: number) {
    super(Math.min(caller.deadline, due), caller.attempt, caller);
    this.due = due;
  }

  expire(error: RecordError): void {
    this.#expired = true;
    this.cancel(error);
  }

  /** The answer, or, if a cancellation comes first, its reason; `onExpired` gives what stands in for that of time. */
  race(
    answer: Promise<Res>,
    deadlines: Deadlines<Attempt<Res>>,
    onExpired: (() => Res | Promise<Res>) | undefined,
  ): Promise<Res> {
    return new Promise((resolve, reject) => {
      deadlines.arm(this, this.due);
      const disarm = (): void => {
        deadlines.disarm(this);
        deadlines.rest();
      };
      // What the caller says goes through `cancel`, so that the first reason decides for both.
      const forget = this.caller.onCancel((reason) => this.cancel(reason));
      this.onCancel((reason) => {
        disarm();
        forget();
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
          forget();
          return resolve(value);
        },
        (error: unknown) => {
          disarm();
          forget();
          return reject(RecordError.from(error));
        },
      );
    });
  }
}
