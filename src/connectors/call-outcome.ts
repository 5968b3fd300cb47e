import { cancelledError } from '../core/call/cancelled.ts';
import type { RecordError } from '../core/errors.ts';
import type { CallOutcome } from '../core/observer/observer.ts';

/** The failure of a call that was cancelled. */
export function cancellation(lookup: string, reason: unknown): RecordError {
  return cancelledError(reason).with({ lookup });
}

/** The outcome as which a failed call is counted. */
export function outcomeOf({ code }: RecordError): CallOutcome {
  return code === 'timeout' || code === 'cancelled' || code === 'unreachable' ? code : 'bad_status';
}
