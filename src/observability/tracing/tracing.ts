import type { Tracer as OtelTracer } from '@opentelemetry/api';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../../core/observer/logger.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Tracer } from '../../core/observer/tracing.ts';
import { otlpExporter, ReportedExporter } from './tracing-exporter.ts';
import type { TracingOptions } from './tracing-options.ts';
import { SpannedStream } from './tracing-spans.ts';

export interface TracingDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The values that no span shows. */
  readonly secrets: Secrets;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends the remaining spans. Resolves at the latest shortly after `otlp.timeout`, and never rejects. */
  close(): Promise<void>;
}

/** The exporter ends an export after `otlp.timeout` and then reports it: `close` waits this much longer for the report. */
const LAST_REPORT_MS = 250;

/**
 * Spans of OpenTelemetry, sent in batches. Nothing is registered globally and there is no implicit context: the place of a
 * call in its trace is in its CallContext.
 *
 *   stream ─ SERVER span ─▶ batch (at most 2,048; sent every 5 s or at 512) ─▶ OTLP/HTTP
 *     └ call ─ CLIENT span ─▶ ┘
 */
export function openTracing(options: TracingOptions, { version, clock, logger, secrets }: TracingDeps): Tracing {
  const { serviceName, sampleRatio, lookupSpans } = options;
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [new BatchSpanProcessor(new ReportedExporter(otlpExporter(options.otlp), logger))],
  });
  const otel = provider.getTracer('millrace', version);
  return {
    tracer: tracerOf(otel, lookupSpans, secrets),
    close: () => within(options.otlp.timeout + LAST_REPORT_MS, clock, provider.shutdown()),
  };
}

function tracerOf(otel: OtelTracer, lookupSpans: number, secrets: Secrets): Tracer {
  return {
    recordsCalls: lookupSpans > 0,
    stream: (start, incoming) => new SpannedStream(otel, start, incoming, { lookupSpans, secrets }),
  };
}

/** Resolves when the work has succeeded or failed, or after `ms`. Spans that could not be sent were logged. */
async function within(ms: number, clock: Clock, work: Promise<void>): Promise<void> {
  let disarm: (() => void) | undefined;
  const over = new Promise<void>((resolve) => {
    disarm = clock.setTimer(ms, resolve);
  });
  await Promise.race([work.catch(() => {}), over]);
  disarm?.();
}
