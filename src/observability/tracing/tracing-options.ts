import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { duration } from '../../core/options/units.ts';

/** What `tracing` takes. */

const collector = z.string().refine((text) => /^https?:\/\/./i.test(text) && URL.canParse(text), {
  error: 'expected an address such as http://127.0.0.1:4318',
});

const otlp = z
  .strictObject({
    url: collector
      .describe(
        'Address of a collector that takes OTLP over HTTP, as JSON. One without a path is completed by /v1/traces.',
      )
      .register(grammars, { grammar: 'text' }),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is no name of a header (RFC 9110, 5.1)'),
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'expected a header value without control characters'),
      )
      .default({})
      .describe(
        'Sent with each export, name to value: what the collector asks for as a key. Hidden wherever it is shown.',
      )
      .register(grammars, { grammar: 'text' }),
    timeout: duration
      .refine((ms) => ms >= 1 && ms <= 60_000, 'expected a duration from 1ms to 60s')
      .prefault('3s')
      .describe(
        'How long one export may take with its retries, and the last one at the end of the service, 1ms to 60s. What has not got through by then is lost. Default 3s: it comes after drainTimeout, in the same grace period.',
      ),
  })
  .describe('Where spans go.');

export const tracingOptions = z
  .strictObject({
    serviceName: z
      .string()
      .min(1, 'expected a name')
      .default('millrace')
      .describe(
        'service.name of the spans. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES of the environment go over it.',
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe(
        'Part of the streams that are recorded, 0 to 1, where the request has no traceparent; one that has decides by its sampled flag. Default 1: a stream is one span, however long.',
      ),
    lookupSpans: z
      .int('expected a whole number from 0 to 1000000')
      .min(0, 'expected a whole number from 0 to 1000000')
      .max(1_000_000, 'expected a whole number from 0 to 1000000')
      .default(1000)
      .describe(
        'The most calls of lookups that become spans in one stream that is recorded, 0 to 1000000; those after them are counted. Default 1000: a trace of a million spans can be neither sent nor read.',
      ),
    otlp,
  })
  .describe('OpenTelemetry spans of streams and their lookups. Without it the SDK of OpenTelemetry is not loaded.');

export type TracingOptions = z.output<typeof tracingOptions>;
