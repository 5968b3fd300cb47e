import { Cancellation, type CallContext } from '../core/call-context.ts';
import { Deadlines, type Timed } from '../core/deadlines.ts';
import { RecordError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import type { Layer } from './lookup.ts';

/**
 * Bounds the time of one attempt.
 *
 * When it is over the call fails with `timeout`, and what it called is cancelled with that same error; the caller
 * itself is not. A call that answers at once arms nothing. All calls of one layer last equally long and share one
 * timer. `timeoutMs` 0 is no bound.
 */
export function timeout<Req, Res>(options: { readonly timeoutMs: number; readonly clock: Clock }): Layer<Req, Res> {
  const { timeoutMs, clock } = options;
  if (timeoutMs === 0) return (inner) => inner;
  const deadlines = new Deadlines<Attempt<Res>>(clock, (attempt) =>
    attempt.cancel(new RecordError('timeout', `no answer within ${timeoutMs} ms`)),
  );
  return (inner) => (request, context) => {
    const attempt = new Attempt<Res>(context, clock.now() + timeoutMs);
    const answer = inner(request, attempt);
    return answer instanceof Promise ? attempt.race(answer, deadlines) : answer;
  };
}

/** The context of the inner call, and its own link in the list of deadlines. */
class Attempt<Res> extends Cancellation implements Timed<Attempt<Res>> {
  due: number;
  armed = false;
  sooner: Attempt<Res> | undefined = undefined;
  later: Attempt<Res> | undefined = undefined;
  readonly #caller: CallContext;

  constructor(caller: CallContext, due: number) {
    super(Math.min(caller.deadline, due), caller.attempt, caller.inputEnd);
    this.due = due;
    this.#caller = caller;
  }

  override retryWaiting(delta: 1 | -1): void {
    this.#caller.retryWaiting(delta);
  }

  /** The answer, or the reason of a cancellation if that comes first. */
  race(answer: Promise<Res>, deadlines: Deadlines<Attempt<Res>>): Promise<Res> {
    return new Promise((resolve, reject) => {
      deadlines.arm(this, this.due);
      // What the caller says goes through `cancel`, so that the first reason decides for both.
      const forget = this.#caller.onCancel((reason) => this.cancel(reason));
      this.onCancel((reason) => {
        deadlines.disarm(this);
        forget();
        reject(asRecordError(reason));
      });
      answer.then(
        (value) => {
          deadlines.disarm(this);
          forget();
          return resolve(value);
        },
        (error: unknown) => {
          deadlines.disarm(this);
          forget();
          return reject(RecordError.from(error));
        },
      );
    });
  }
}

function asRecordError(reason: unknown): RecordError {
  if (reason instanceof RecordError) return reason;
  return new RecordError('cancelled', 'nobody waits for the answer any more', { cause: reason });
}
