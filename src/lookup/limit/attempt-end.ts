import { RecordError } from '../../core/errors.ts';
import type { AttemptEnd } from './adaptive.ts';

/**
 * What a failed attempt says about the load of the far end. An attempt that was cancelled, or whose record was refused
 * (a 4xx but 429), says nothing: its round trip is not measured.
 */
export function endOfFailure(error: unknown): AttemptEnd {
  const { code, details } = RecordError.from(error);
  if (code === 'timeout' || code === 'unreachable' || code === 'function_error') return 'failed';
  const { status = 0 } = details;
  return code === 'bad_status' && (status === 429 || status >= 500) ? 'failed' : 'ignored';
}
