import type { RecordError } from '../../core/errors.ts';
import type { Verdict } from './breaker-state.ts';

/** A call without an answer is held against the lookup from here on, if no `slowerThan` says otherwise. */
const hungMs = 1000;

export interface EndedCall {
  /** Undefined if the call has an answer. */
  readonly failure: RecordError | undefined;
  /** Milliseconds from its beginning. */
  readonly ms: number;
  /** The caller gave the call up: its client is gone, the time of its record ran out, or another call has answered. */
  readonly givenUp: boolean;
}

/**
 * What an ended call says about the lookup.
 *
 * A caller that gives up says nothing about the lookup: a client may set a `timeout` of 1 ms, and must not open the
 * breaker for all others. Only a long wait is held against the lookup: longer than `slowerThan`, or without one, a second
 * or more if the time of the record ran out.
 */
export function verdictOf({ failure, ms, givenUp }: EndedCall, slowerThanMs: number | undefined): Verdict {
  const slow = slowerThanMs !== undefined && ms > slowerThanMs;
  if (givenUp) {
    const hung = slowerThanMs === undefined && failure?.code === 'timeout' && ms >= hungMs;
    return slow || hung ? 'bad' : 'nothing';
  }
  if (failure === undefined) return slow ? 'bad' : 'good';
  const made = failure.code !== 'missing_argument' && failure.details.attempts !== 0;
  if (!made || failure.code === 'cancelled') return 'nothing';
  return slow || isAboutTheLookup(failure) ? 'bad' : 'good';
}

/** Whether another record would probably fail too. Any other failure is an answer about this record. */
function isAboutTheLookup({ code, details: { status = 0 } }: RecordError): boolean {
  if (code === 'bad_status') return status >= 500 || status === 408 || status === 429;
  return code === 'unreachable' || code === 'timeout' || code === 'function_error';
}
