import { InnerContext } from '../../core/call/call-context.ts';
import { RecordError, type RecordErrorCode } from '../../core/errors.ts';

/** The context of the calls of one step among several: it counts those that have begun. */
export class StepCall extends InnerContext {
  begun = 0;

  override callBegins(): void {
    this.begun++;
    super.callBegins();
  }

  override callRefused(): void {
    this.begun--;
    super.callRefused();
  }
}

/** Failures that come before any call. */
const withoutCall: ReadonlySet<RecordErrorCode> = new Set([
  'not_an_object',
  'missing_argument',
  'expression_error',
  'breaker_open',
  'cancelled',
]);

/**
 * The failure of a lookup with the number of calls: those that it counts itself, or one, and `before`, those of earlier
 * rounds of a step that repeats.
 */
export function withAttempts(error: RecordError, before = 0): RecordError {
  const { attempts = withoutCall.has(error.code) ? undefined : 1 } = error.details;
  if (before === 0 && attempts === error.details.attempts) return error;
  return error.with({ attempts: before + (attempts ?? 0) });
}
