import { z } from 'zod';
import { tracingOptions } from '../../observability/tracing/tracing-options.ts';
import { lookupSchema } from './lookup-schema.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { serverSchema } from './server-schema.ts';
import { namePattern } from './values.ts';

const name = z.string().regex(namePattern, 'expected a name of letters, digits, _ and -, which starts with a letter');

/**
 * The only definition of the configuration: validation, types, defaults and the JSON Schema come from it. A parsed
 * configuration has every default, durations in milliseconds and sizes in bytes.
 */
export const configSchema = z.strictObject({
  server: serverSchema.prefault({}),
  lookups: z
    .record(name, lookupSchema, 'expected a map from name to lookup')
    .default({})
    .describe(
      'The systems that answer lookups, by name. All pipelines and streams share each lookup, its limits and its connections.',
    ),
  pipelines: z
    .record(name, pipelineSchema, 'expected a map from name to pipeline')
    .refine((pipelines) => Object.keys(pipelines).length > 0, 'expected at least one pipeline')
    .meta({
      description: 'The pipelines that are served, by the name in /v1/enrich/{pipeline}. At least one.',
      minProperties: 1,
    }),
  tracing: tracingOptions.exactOptional(),
});

export type Config = z.output<typeof configSchema>;
export type { LookupConfig } from './lookup-schema.ts';
export type { OnError, PipelineConfig, StepConfig } from './pipeline-schema.ts';
export type { ServerConfig } from './server-schema.ts';
