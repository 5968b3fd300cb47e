import { RecordError } from '../errors.ts';

/** The error of a call that was cancelled: the reason, if that is a RecordError; else `cancelled`, caused by the reason. */
export function cancelledError(reason: unknown, message = 'no caller waits for the answer any more'): RecordError {
  return reason instanceof RecordError ? reason : new RecordError('cancelled', message, { cause: reason });
}
