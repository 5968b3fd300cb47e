import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { duration } from '../../core/options/units.ts';

/** The options of `tracing`. */

const collector = z.string().refine((text) => /^https?:\/\/./i.test(text) && URL.canParse(text), {
  error: 'expected an address such as http://127.0.0.1:4318',
});

const otlp = z
  .strictObject({
    url: collector
      .describe('Address of a collector that accepts OTLP over HTTP, as JSON. If it has no path, /v1/traces is added.')
      .register(grammars, { grammar: 'text' }),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is not the name of a header (RFC 9110, 5.1)'),
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'expected a header value without control characters'),
      )
      .default({})
      .describe('Headers of each export, name to value, for example the key of the collector. Values are never shown.')
      .register(grammars, { grammar: 'text' }),
    timeout: duration
      .refine((ms) => ms >= 1 && ms <= 60_000, 'expected a duration from 1ms to 60s')
      .prefault('3s')
      .describe(
        'The time limit of one export with its retries, and of the last export at the end of the service, 1ms to 60s. Spans that are not sent by then are lost. Default 3s: the last export follows drainTimeout, in the same grace period.',
      ),
  })
  .describe('The collector that spans are sent to.');

export const tracingOptions = z
  .strictObject({
    serviceName: z
      .string()
      .min(1, 'expected a name')
      .default('millrace')
      .describe(
        'service.name of the spans. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES of the environment override it.',
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe(
        'The share of streams that are recorded, 0 to 1, if the request has no traceparent; if it has one, its sampled flag decides. Default 1: a stream is one span, however long it is.',
      ),
    lookupSpans: z
      .int('expected a whole number from 0 to 1000000')
      .min(0, 'expected a whole number from 0 to 1000000')
      .max(1_000_000, 'expected a whole number from 0 to 1000000')
      .default(1000)
      .describe(
        'Calls of lookups that become spans in one recorded stream, at most, 0 to 1000000; further calls are only counted. Default 1000: a trace of a million spans can be neither sent nor read.',
      ),
    otlp,
  })
  .describe('OpenTelemetry spans of streams and their lookups. Without it the SDK of OpenTelemetry is not loaded.');

export type TracingOptions = z.output<typeof tracingOptions>;
