import { z } from 'zod';
import { type ConnectorName, connectorNames, connectors } from '../../connectors/registry.ts';
import { httpBatchOptions } from '../../connectors/http/batch/http-batch-options.ts';
import { batchKeys } from '../../lookup/batch/batch-options.ts';
import { breakerOptions } from '../../lookup/breaker/breaker-options.ts';
import { cacheOptions } from '../../lookup/cache/cache-options.ts';
import { rateLimitOptions } from '../../lookup/rate-limit/rate-limit-options.ts';
import { hedgeOptions } from '../../lookup/hedge/hedge-options.ts';
import { concurrencyOptions } from '../../lookup/limit/limit-options.ts';
import { retryOptions } from '../../lookup/retry/retry-options.ts';
import { durationFrom, listed } from './values.ts';

type Connectors = typeof connectors;

/** One key for each connector. The rule below demands exactly one of them. */
const connectorKeys = Object.fromEntries(
  connectorNames.map((name) => [name, connectors[name].schema.exactOptional()]),
) as { [Name in ConnectorName]: z.ZodExactOptional<Connectors[Name]['schema']> };

/** The layers, which are the same for every connector: one key with its options for each. */
const layerKeys = {
  timeout: durationFrom(1)
    .exactOptional()
    .describe('The time of one attempt, 1ms to 24h. Default none: only the timeout of the pipeline ends an attempt.'),
  retry: retryOptions.exactOptional(),
  coalesce: z
    .boolean('expected true or false')
    .default(true)
    .describe(
      'Whether equal requests that are under way at the same time share one call. Equal are requests with the same method, url, headers and body, or with the same arguments for a module. A table needs no call.',
    ),
  breaker: breakerOptions.exactOptional(),
  rateLimit: rateLimitOptions.exactOptional(),
  batch: z
    .strictObject({ ...batchKeys, http: httpBatchOptions.exactOptional() })
    .exactOptional()
    .describe('Gathers requests of many records, of all pipelines and streams, into one call.'),
  concurrency: concurrencyOptions.exactOptional(),
  hedge: hedgeOptions.exactOptional(),
  cache: cacheOptions.exactOptional(),
};

const exactlyOne = z.superRefine<object>(
  (lookup, context) => {
    const chosen = connectorNames.filter((name) => name in lookup);
    if (chosen.length === 1) return;
    const expected = `expected exactly one connector, ${listed(connectorNames)}`;
    const got = chosen.length === 0 ? 'got none' : `got ${chosen.length}: ${chosen.join(', ')}`;
    context.addIssue({ code: 'custom', message: `${expected}; ${got}` });
  },
  {
    // Another finding in the same lookup must not hide this one.
    when: ({ value }) => typeof value === 'object' && value !== null,
  },
);

export const lookupSchema = z
  .strictObject({ ...connectorKeys, ...layerKeys })
  .check(exactlyOne)
  .meta({
    description: 'A system that answers lookups: exactly one connector, and the layers around it.',
    oneOf: connectorNames.map((name) => ({ required: [name] })),
  });

export type LookupConfig = z.output<typeof lookupSchema>;
