import type { CallContext } from '../core/call/call-context.ts';
import { Cancellation } from '../core/call/cancellation.ts';
import { cancelledError } from '../core/call/cancelled.ts';
import { later, type Later, type Receiver } from '../core/call/receiver.ts';
import { Deadlines, type Timed } from '../core/time/deadlines.ts';
import { RecordError } from '../core/errors.ts';
import type { Clock } from '../core/time/time.ts';
import type { Layer } from './lookup.ts';
import { type Begin, beginOf, type Service, serviceOf } from './service.ts';

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
    begin: Begin<Req, Res>,
    request: Req,
    context: CallContext,
    receiver: Receiver<Res>,
    hook: Begin<Req, Res> | undefined,
    nowMs = clock.now(),
  ): Res | Later => {
    const timedCall = new TimedCall(context, nowMs + timeoutMs, deadlines, receiver);
    const answer = begin(request, timedCall, timedCall, nowMs);
    if (answer === later) timedCall.wait(hook === undefined ? undefined : hooked(hook, request, context, receiver));
    return answer;
  };
  /** A function of its own: V8 makes room for what a closure uses in every call of the function around it. */
  const hooked =
    (hook: Begin<Req, Res>, request: Req, context: CallContext, receiver: Receiver<Res>) => (): Res | Later =>
      bounded(hook, request, context, receiver, undefined);
  const hook = onTimeout && beginOf(onTimeout);
  return (inner) => {
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => bounded(begin, request, context, receiver, hook, nowMs));
  };
}

/** The context of the inner call, and the receiver of its outcome. It is its own link in the list of deadlines. */
class TimedCall<Res> extends Cancellation implements Timed<TimedCall<Res>>, Receiver<Res> {
  due: number;
  armed = false;
  sooner: TimedCall<Res> | undefined = undefined;
  later: TimedCall<Res> | undefined = undefined;
  #expired = false;
  #ended = false;
  readonly #deadlines: Deadlines<TimedCall<Res>>;
  readonly #receiver: Receiver<Res>;
  #onExpired: (() => Res | Later) | undefined = undefined;

  constructor(caller: CallContext, due: number, deadlines: Deadlines<TimedCall<Res>>, receiver: Receiver<Res>) {
    super(Math.min(caller.deadline, due), caller.attempt, caller);
    this.due = due;
    this.#deadlines = deadlines;
    this.#receiver = receiver;
  }

  expire(error: RecordError): void {
    this.#expired = true;
    this.cancel(error);
  }

  /** Waits for the outcome, or a cancellation that comes first. If the time runs out, `onExpired` gives the outcome. */
  wait(onExpired: (() => Res | Later) | undefined): void {
    if (this.#ended) return;
    this.#onExpired = onExpired;
    this.#deadlines.arm(this, this.due);
    // A cancellation of the caller goes through `cancel`, so that the first reason decides for both.
    this.caller.addCancelListener(this);
  }

  answered(answer: Res, nowMs?: number): void {
    if (this.#ended) return;
    this.#end();
    this.#receiver.answered(answer, nowMs);
  }

  failed(error: unknown): void {
    if (this.#ended) return;
    this.#end();
    this.#receiver.failed(RecordError.from(error));
  }

  callCancelled(reason: unknown): void {
    this.cancel(reason);
  }

  /** The inner call is cancelled first; its outcome is ignored. */
  override cancel(reason: unknown): void {
    if (this.#ended) return;
    this.#end();
    super.cancel(reason);
    if (!this.#expired || this.#onExpired === undefined) return this.#receiver.failed(cancelledError(reason));
    let answer: Res | Later;
    try {
      answer = this.#onExpired();
    } catch (error) {
      return this.#receiver.failed(RecordError.from(error));
    }
    if (answer !== later) this.#receiver.answered(answer);
  }

  #end(): void {
    this.#ended = true;
    this.#deadlines.disarm(this);
    this.#deadlines.stopIdleTimer();
    this.caller.removeCancelListener(this);
  }
}
