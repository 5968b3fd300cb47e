import type { RecordError } from '../errors.ts';
import type { StreamOutcome } from './observer.ts';
import { type TraceContext, traceparent } from './trace-context.ts';

/** Gives each stream its trace. */
export interface Tracer {
  /** Whether calls of lookups may become spans. If false, lookups are built without the layer that records them. */
  readonly recordsCalls: boolean;
  /** Undefined: the stream belongs to no trace, and its calls carry no trace headers. */
  stream(start: StreamStart, incoming: TraceContext | undefined): StreamTrace | undefined;
}

export interface StreamStart {
  readonly pipeline: string;
  /** `ordered`, `unordered`, `keyed`; `record` if the request is one record. */
  readonly mode: string;
  readonly requestId: string;
}

/** How a stream ended. The counts are records; `written` is lines. */
export interface StreamEnd {
  readonly outcome: StreamOutcome;
  /** The code of the error that ended it before it was complete. */
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
  /** The trace that the stream's calls carry. */
  readonly calls: CallTrace;
  /** Members of the log lines of the stream, with the names of OpenTelemetry. */
  readonly ids: { readonly trace_id: string; readonly span_id?: string };
  /** Call it once. */
  end(end: StreamEnd): void;
}

/** Name and attributes of the span of a call: the same for all calls of a lookup. */
export interface CallAbout {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** The span of one call. Either `answered` or `failed` is called, once; neither, if the call was never made. */
export interface CallSpan {
  /** The trace that the call itself carries: its span is the parent of spans of the other system. */
  readonly trace: CallTrace;
  answered(found: boolean): void;
  failed(error: RecordError): void;
}

/** The place in a trace from which calls are made: one for each stream, and one for each call that has its own span. */
export class CallTrace {
  /** Names and values: `traceparent`, and `tracestate` if there is one. */
  readonly headers: readonly string[];
  #joined: Map<readonly string[], string[]> | undefined;

  constructor(traceId: string, spanId: string, flags: number, state: string | undefined) {
    const parent = ['traceparent', traceparent(traceId, spanId, flags)];
    this.headers = state === undefined ? parent : [...parent, 'tracestate', state];
  }

  /** `prepared` followed by these headers: made once for each list. Do not call it with a list that is made per record. */
  joinedTo(prepared: readonly string[]): string[] {
    const lists = (this.#joined ??= new Map());
    let list = lists.get(prepared);
    if (list === undefined) lists.set(prepared, (list = [...prepared, ...this.headers]));
    return list;
  }

  /** Begins the span of one call. Undefined if the call is not recorded. */
  begin(_about: CallAbout, _attempt: number): CallSpan | undefined {
    return undefined;
  }
}

/** Records nothing, and passes the incoming trace on unchanged. */
export const passingTracer: Tracer = {
  recordsCalls: false,
  stream(_start, incoming) {
    if (incoming === undefined) return undefined;
    const { traceId, parentId, flags, state } = incoming;
    // The stream has no span of its own, and the caller's span is not logged.
    return { calls: new CallTrace(traceId, parentId, flags, state), ids: { trace_id: traceId }, end() {} };
  },
};
