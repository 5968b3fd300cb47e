import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../../core/observer/logger.ts';
import type { TracingOptions } from './tracing-options.ts';

/** OTLP over HTTP as JSON. The exporter retries by itself, within its timeout. */
export function otlpExporter({ url, headers, timeout: timeoutMs }: TracingOptions['otlp']): SpanExporter {
  return new OTLPTraceExporter({
    url: tracesUrl(url),
    headers,
    timeoutMillis: timeoutMs,
    // The exporter's own timeout begins when it is connected: without this one, an address that drops packets would delay
    // the exit.
    httpAgentOptions: { keepAlive: true, timeout: timeoutMs },
  });
}

function tracesUrl(base: string): string {
  const url = new URL(base);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

/** ExportResultCode.SUCCESS of @opentelemetry/core, which is not a dependency. */
const succeeded = 0;

type Exported = Parameters<SpanExporter['export']>[1];

/** The exporter, with a line in the log when exports begin to fail, and one when they succeed again. */
export class ReportedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #logger: Logger;
  #lost = 0;

  constructor(exporter: SpanExporter, logger: Logger) {
    this.#exporter = exporter;
    this.#logger = logger;
  }

  export(spans: Parameters<SpanExporter['export']>[0], done: Exported): void {
    this.#exporter.export(spans, (result) => {
      const code: number = result.code;
      if (code === succeeded) this.#succeeded();
      else this.#failed(spans.length, result.error);
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #succeeded(): void {
    if (this.#lost > 0) this.#logger.info('spans reach the collector again', { lost: this.#lost });
    this.#lost = 0;
  }

  #failed(spans: number, error: Error | undefined): void {
    const first = this.#lost === 0;
    this.#lost += spans;
    if (!first) return;
    const reason = error?.message === '' || error === undefined ? 'no reason was given' : error.message;
    this.#logger.warn('spans cannot be exported, and are lost until an export succeeds: see tracing.otlp', { reason });
  }
}
