import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { RecordError } from '../../core/errors.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import { RANDOM, SAMPLED, type TraceContext } from '../../core/observer/trace-context.ts';
import {
  type CallAbout,
  type CallSpan,
  CallTrace,
  type StreamEnd,
  type StreamStart,
  type StreamTrace,
} from '../../core/observer/tracing.ts';

/** The SERVER span of one stream. If it is not sampled, it records nothing, and its calls still carry its trace. */
export class SpannedStream implements StreamTrace {
  readonly calls: CallTrace;
  readonly ids: { readonly trace_id: string; readonly span_id: string };
  readonly #span: Span;
  readonly #spannedCalls: SpannedCalls | undefined;

  constructor(
    otel: OtelTracer,
    start: StreamStart,
    incoming: TraceContext | undefined,
    { lookupSpans, secrets }: { readonly lookupSpans: number; readonly secrets: Secrets },
  ) {
    const { pipeline, mode, requestId } = start;
    this.#span = otel.startSpan(
      `POST /v1/enrich/${pipeline}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/v1/enrich/{pipeline}',
          'millrace.pipeline': pipeline,
          'millrace.mode': mode,
          'millrace.request_id': requestId,
        },
      },
      parentOf(incoming),
    );
    const { traceId, spanId } = this.#span.spanContext();
    this.ids = { trace_id: traceId, span_id: spanId };
    if (this.#span.isRecording())
      this.#spannedCalls = new SpannedCalls(otel, this.#span, incoming, lookupSpans, secrets);
    this.calls = this.#spannedCalls ?? new CallTrace(traceId, spanId, flagsOf(this.#span, incoming), incoming?.state);
  }

  end({ outcome, code, read, written, errors, misses, dropped, receivedBytes, sentBytes }: StreamEnd): void {
    this.#span.setAttributes({
      'millrace.outcome': outcome,
      'millrace.records.read': read,
      'millrace.records.written': written,
      'millrace.records.errors': errors,
      'millrace.records.misses': misses,
      'millrace.records.dropped': dropped,
      'millrace.bytes.received': receivedBytes,
      'millrace.bytes.sent': sentBytes,
      'millrace.lookup_spans.omitted': this.#spannedCalls?.omitted ?? 0,
    });
    if (code !== undefined) this.#span.setAttribute('error.type', code);
    // A client that disconnects is not an error of the service (OpenTelemetry: status of HTTP server spans).
    if (outcome !== 'completed' && outcome !== 'client_aborted') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

function parentOf(incoming: TraceContext | undefined): Context {
  if (incoming === undefined) return ROOT_CONTEXT;
  const { traceId, parentId, flags, state } = incoming;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: parentId,
    traceFlags: flags & SAMPLED,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  });
}

/** The caller knows whether the trace id is random; the span knows whether it is sampled. */
function flagsOf(span: Span, incoming: TraceContext | undefined): number {
  return (span.spanContext().traceFlags & SAMPLED) | ((incoming?.flags ?? 0) & RANDOM);
}

/** The calls of a sampled stream: the first `lookupSpans` calls are spans, further calls are only counted. */
class SpannedCalls extends CallTrace {
  omitted = 0;
  readonly #otel: OtelTracer;
  readonly #parent: Context;
  readonly #incoming: TraceContext | undefined;
  readonly #secrets: Secrets;
  #left: number;

  constructor(otel: OtelTracer, span: Span, incoming: TraceContext | undefined, most: number, secrets: Secrets) {
    const { traceId, spanId } = span.spanContext();
    super(traceId, spanId, flagsOf(span, incoming), incoming?.state);
    this.#otel = otel;
    this.#parent = trace.setSpan(ROOT_CONTEXT, span);
    this.#incoming = incoming;
    this.#left = most;
    this.#secrets = secrets;
  }

  override begin({ name, attributes }: CallAbout, attempt: number): CallSpan | undefined {
    if (this.#left === 0) {
      this.omitted += 1;
      return undefined;
    }
    this.#left -= 1;
    const span = this.#otel.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.#parent);
    span.setAttribute('millrace.attempt', attempt);
    if (attempt > 1 && 'http.request.method' in attributes) span.setAttribute('http.request.resend_count', attempt - 1);
    return new SpannedCall(span, this.#incoming, this.#secrets);
  }
}

class SpannedCall implements CallSpan {
  readonly trace: CallTrace;
  readonly #span: Span;
  readonly #secrets: Secrets;

  constructor(span: Span, incoming: TraceContext | undefined, secrets: Secrets) {
    const { traceId, spanId } = span.spanContext();
    this.trace = new CallTrace(traceId, spanId, flagsOf(span, incoming), incoming?.state);
    this.#span = span;
    this.#secrets = secrets;
  }

  answered(found: boolean): void {
    this.#span.setAttribute('millrace.found', found).end();
  }

  failed(error: RecordError): void {
    const { code, message, details } = error.without(this.#secrets);
    this.#span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
    if (details.status !== undefined) this.#span.setAttribute('http.response.status_code', details.status);
    this.#span.end();
  }
}
