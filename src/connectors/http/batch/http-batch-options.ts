import { z } from 'zod';
import { jsonData } from '../../../core/options/data-schema.ts';
import { grammars } from '../../../core/options/grammar.ts';
import { httpMethod } from '../http-options.ts';

const values = 'An argument {name} becomes its values in the batch, joined by commas and each encoded for its place.';

/** What `lookups.NAME.batch.http` takes. */
export const httpBatchOptions = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(`Address of the calls, with the scheme, host and port of http.url. ${values}`)
      .register(grammars, { grammar: 'template' }),
    method: httpMethod.describe('HTTP method of the calls.'),
    query: z
      .record(z.string(), z.string())
      .default({})
      .describe(`Query parameters, added to those of the url, name to value. ${values}`)
      .register(grammars, { grammar: 'template' }),
    body: jsonData
      .default(null)
      .describe(
        'Body of the calls: a JSON structure, in which a string that is exactly "{name}" becomes the array of that argument\'s values, and "{*}" the array of the argument objects. null: no body.',
      )
      .register(grammars, { grammar: 'data template' }),
    format: z
      .enum(['json', 'ndjson'], 'expected json or ndjson')
      .default('json')
      .describe('ndjson: the body is one argument object a line, and the answer one answer a line.'),
    items: z
      .string()
      .default('')
      .describe(
        'JSON Pointer (RFC 6901) to the answers in the body: an array, or an object whose members are named by the argument. Empty: the whole body.',
      )
      .register(grammars, { grammar: 'pointer' }),
    key: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'JSON Pointer to the argument in each answer of an array. null: the answers are in the order of the requests, and as many.',
      )
      .register(grammars, { grammar: 'pointer' }),
  })
  .describe('How an http lookup requests many keys with one call. Each call is one of these, also for a single key.');

export type HttpBatchOptions = z.infer<typeof httpBatchOptions>;
