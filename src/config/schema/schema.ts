import { z } from 'zod';
import { tracingOptions } from '../../observability/tracing/tracing-options.ts';
import { lookupSchema } from './lookup-schema.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { serverSchema } from './server-schema.ts';
import { namePattern } from './values.ts';

const name = z.string().regex(namePattern, 'expected a name of letters, digits, _ and -, which starts with a letter');

/**
 * The one definition of the configuration: it validates, it gives the types and the defaults, and the JSON Schema
 * is made from it. What comes out holds every default, durations in milliseconds and sizes in bytes.
 */
export const configSchema = z.strictObject({
  server: serverSchema.prefault({}),
  lookups: z
    .record(name, lookupSchema, 'expected a map from name to lookup')
    .default({})
    .describe('What can be asked, by name. All pipelines and streams share them: their limits and pools are one.'),
  pipelines: z
    .record(name, pipelineSchema, 'expected a map from name to pipeline')
    .refine((pipelines) => Object.keys(pipelines).length > 0, 'expected at least one pipeline')
    .meta({
      description: 'What is served, by the name that stands in /v1/enrich/{pipeline}. At least one.',
      minProperties: 1,
    }),
  tracing: tracingOptions.exactOptional(),
});

export type Config = z.output<typeof configSchema>;
export type { LookupConfig } from './lookup-schema.ts';
export type { OnError, PipelineConfig, StepConfig } from './pipeline-schema.ts';
export type { ServerConfig } from './server-schema.ts';
