import type { CallContext } from '../core/call/call-context.ts';
import { later, type Later, PromisedOutcome, type Receiver } from '../core/call/receiver.ts';

/**
 * The one shape of everything that answers a request. A layer takes a service and returns a service.
 *
 * A service returns its answer immediately (a table, a cache hit) or as a promise. It fails with a RecordError, thrown
 * or rejected. It rejects early when its context is cancelled.
 *
 * Between two layers no promise is made: the outer one calls `begin` of the inner one.
 *
 *     service(request, context)           ──▶ answer, or a promise ◀───────────────┐
 *       cache.begin(…, receiver)          ──▶ answer, or `later` ── outcome ──▶ receiver
 *         retry.begin(…, receiver)        ──▶ answer, or `later` ── outcome ──▶ receiver ▲
 *           connector(request, context)   ──▶ answer, or a promise ────────────────────┘
 */
export interface Service<Req, Res> {
  (request: Req, context: CallContext): Res | Promise<Res>;
  /** Absent if the service is only a function. */
  readonly begin?: Begin<Req, Res>;
}

/**
 * A service without promises: it returns an immediate answer, or `later`, and then the receiver gets the outcome. `nowMs` is
 * the time of the clock, if the caller has just read it: to read it in each layer takes a tenth of their time.
 */
export type Begin<Req, Res> = (
  request: Req,
  context: CallContext,
  receiver: Receiver<Res>,
  nowMs?: number,
) => Res | Later;

/** A service that begins calls in this way. `call` does the same with a promise; by default it is made of `begin`. */
export function serviceOf<Req, Res>(begin: Begin<Req, Res>, call = promised(begin)): Service<Req, Res> {
  return Object.assign(call, { begin });
}

export function promised<Req, Res>(begin: Begin<Req, Res>) {
  return (request: Req, context: CallContext): Res | Promise<Res> => {
    const outcome = new PromisedOutcome<Res>();
    const answer = begin(request, context, outcome);
    return answer === later ? outcome.promise() : answer;
  };
}

/** How a layer calls the service below it. */
export function beginOf<Req, Res>(service: Service<Req, Res>): Begin<Req, Res> {
  if (service.begin !== undefined) return service.begin;
  return (request, context, receiver) => {
    const answer = service(request, context);
    if (!(answer instanceof Promise)) return answer;
    answer.then(
      (value) => receiver.answered(value),
      (error: unknown) => receiver.failed(error),
    );
    return later;
  };
}
