import { type CallContext, InnerContext } from '../core/call/call-context.ts';
import { RecordError } from '../core/errors.ts';
import type { CallAbout, CallSpan, CallTrace } from '../core/observer/tracing.ts';
import type { Answer, LookupLayer } from './lookup.ts';

/**
 * Makes a span for each call of a sampled stream, retries included. The inner call carries the span, so that the spans
 * of the far end stand below it. The calls of all other streams pass unchanged.
 *
 *     const service = traced({ name: 'GET /airports/{iata}', attributes: {} })(connector.call);
 */
export function traced(about: CallAbout): LookupLayer {
  return (inner) => (args, context) => {
    const span = context.trace?.begin(about, context.attempt);
    if (span === undefined) return inner(args, context);
    let answer: Answer | Promise<Answer>;
    try {
      answer = inner(args, new CallInSpan(context, span.trace));
    } catch (error) {
      failed(span, error);
      throw error;
    }
    if (!(answer instanceof Promise)) return answered(span, answer);
    return answer.then(
      (found) => answered(span, found),
      (error: unknown) => {
        failed(span, error);
        throw error;
      },
    );
  };
}

function answered(span: CallSpan, answer: Answer): Answer {
  span.answered(answer.json !== undefined);
  return answer;
}

function failed(span: CallSpan, error: unknown): void {
  const known = RecordError.from(error);
  // The record lacks an argument, so no call was made.
  if (known.code !== 'missing_argument') span.failed(known);
}

class CallInSpan extends InnerContext {
  readonly #trace: CallTrace;

  constructor(caller: CallContext, trace: CallTrace) {
    super(caller);
    this.#trace = trace;
  }

  override get trace(): CallTrace {
    return this.#trace;
  }
}
