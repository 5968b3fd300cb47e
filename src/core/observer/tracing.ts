import type { RecordError } from '../errors.ts';
import type { StreamOutcome } from './observer.ts';
import { type TraceContext, traceparent } from './trace-context.ts';

/** Says of each stream which trace it belongs to. */
export interface Tracer {
  /** Whether calls of lookups may become spans. Where they never do, nothing looks at them. */
  readonly recordsCalls: boolean;
  /** Undefined: the stream belongs to no trace, and none is spoken of to its lookups. */
  stream(start: StreamStart, incoming: TraceContext | undefined): StreamTrace | undefined;
}

export interface StreamStart {
  readonly pipeline: string;
  /** `ordered`, `unordered`, `keyed`; `record` where the request is one record. */
  readonly mode: string;
  readonly requestId: string;
}

/** How a stream ended; records, and `written` in lines. */
export interface StreamEnd {
  readonly outcome: StreamOutcome;
  /** Code of what ended it before it was complete. */
  readonly code?: string | undefined;
  readonly read: number;
  readonly written: number;
  readonly errors: number;
  readonly misses: number;
  readonly dropped: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface StreamTrace {
  /** What the stream's calls carry. */
  readonly calls: CallTrace;
  /** Members of the log lines of the stream, named as OpenTelemetry names them. */
  readonly ids: { readonly trace_id: string; readonly span_id?: string };
  /** Called once. */
  end(end: StreamEnd): void;
}

/** What a span of a call says of the lookup: the same for all its calls. */
export interface CallAbout {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** One call that is recorded. One of the two is called, once; a call that was never made may go without. */
export interface CallSpan {
  /** What the call itself carries: it is the parent of what happens at the far end. */
  readonly trace: CallTrace;
  answered(found: boolean): void;
  failed(error: RecordError): void;
}

/** The place in a trace that calls are made from. One for a stream, and one for each call that has its own span. */
export class CallTrace {
  /** `traceparent`, its value, and the same of `tracestate` where there is one. */
  readonly headers: readonly string[];
  #joined: Map<readonly string[], string[]> | undefined;

  constructor(traceId: string, spanId: string, flags: number, state: string | undefined) {
    const parent = ['traceparent', traceparent(traceId, spanId, flags)];
    this.headers = state === undefined ? parent : [...parent, 'tracestate', state];
  }

  /** `prepared` with the headers behind it: made once for each list. A list of one record has no place here. */
  joinedTo(prepared: readonly string[]): string[] {
    const lists = (this.#joined ??= new Map());
    let list = lists.get(prepared);
    if (list === undefined) lists.set(prepared, (list = [...prepared, ...this.headers]));
    return list;
  }

  /** Begins the span of one call. Undefined where it is not recorded. */
  begin(_about: CallAbout, _attempt: number): CallSpan | undefined {
    return undefined;
  }
}

/** Records nothing, and passes on what came in as it is. */
export const passingTracer: Tracer = {
  recordsCalls: false,
  stream(_start, incoming) {
    if (incoming === undefined) return undefined;
    const { traceId, parentId, flags, state } = incoming;
    // Of the stream there is no span: the caller's is none of ours to log.
    return { calls: new CallTrace(traceId, parentId, flags, state), ids: { trace_id: traceId }, end() {} };
  },
};
