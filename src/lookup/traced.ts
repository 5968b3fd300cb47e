import { type CallContext, InnerContext } from '../core/call/call-context.ts';
import { RecordError } from '../core/errors.ts';
import type { CallAbout, CallSpan, CallTrace } from '../core/observer/tracing.ts';
import type { Layer } from './lookup.ts';

/**
 * Makes a span for each call of a sampled stream, retries included. The inner call carries the span, so that the spans
 * of the far end stand below it. The calls of all other streams pass unchanged.
 *
 *     const isFound = ({ json }) => json !== undefined;
 *     const service = traced({ name: 'GET /airports/{iata}', attributes: {} }, isFound)(connector.call);
 */
export function traced<Req, Res>(about: CallAbout, isFound: (answer: Res) => boolean): Layer<Req, Res> {
  return (inner) => (request, context) => {
    const span = context.trace?.begin(about, context.attempt);
    if (span === undefined) return inner(request, context);
    const answered = (answer: Res): Res => {
      span.answered(isFound(answer));
      return answer;
    };
    let answer: Res | Promise<Res>;
    try {
      answer = inner(request, new CallInSpan(context, span.trace));
    } catch (error) {
      failed(span, error);
      throw error;
    }
    if (!(answer instanceof Promise)) return answered(answer);
    return answer.then(
      (found) => answered(found),
      (error: unknown) => {
        failed(span, error);
        throw error;
      },
    );
  };
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
