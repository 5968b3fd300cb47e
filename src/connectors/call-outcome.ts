import { cancelledError } from '../core/call/cancelled.ts';
import { RecordError } from '../core/errors.ts';
import type { CallContext } from '../core/call/call-context.ts';
import type { CallOutcome } from '../core/observer/observer.ts';

/** The failure of a call that was cancelled. */
export function cancellation(lookup: string, reason: unknown): RecordError {
  return cancelledError(reason).with({ lookup });
}

/**
 * The milliseconds that a call has from `nowMs` on, at least 1; Infinity if nothing bounds it. Throws `timeout` if less is
 * left: such a call could not end in time, so it is not begun.
 */
export function timeLeft(lookup: string, context: CallContext, nowMs: number): number {
  const leftMs = context.deadline - nowMs;
  if (leftMs >= 1) return leftMs;
  context.callRefused();
  throw new RecordError('timeout', 'no time of the record was left for this call, so it was not made', {
    lookup,
    attempts: 0,
  });
}

/** The outcome as which a failed call is counted. */
export function outcomeOf({ code }: RecordError): CallOutcome {
  return code === 'timeout' || code === 'cancelled' || code === 'unreachable' ? code : 'bad_status';
}
