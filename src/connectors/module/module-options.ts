import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { jsonData } from '../../core/options/data-schema.ts';
import { size } from '../../core/options/units.ts';

/** What `lookups.NAME.module` takes. */
export const moduleOptions = z
  .strictObject({
    file: z
      .string()
      .regex(/\.(?:js|mjs|ts|mts)$/, 'expected an ES module: a file that ends in .js, .mjs, .ts or .mts')
      .describe(
        'ES module, relative to the configuration file, whose default export (or export named lookup) is an async function (args, context) => values, an AsyncFunction, or a RichAsyncFunction or its class. It is loaded once.',
      )
      .register(grammars, { grammar: 'text' }),
    parameters: z
      .record(z.string(), jsonData)
      .default({})
      .describe('Any values for the function: it gets them as runtime.parameters in open.')
      .register(grammars, { grammar: 'data' }),
    maxResponseBytes: size
      .prefault('1MiB')
      .describe('The largest result of a call, as JSON. A larger one is the error response_too_large.'),
  })
  .describe(
    'Calls a function of yours. It gets the arguments that `with` names. The values that it returns are the answer: none is a miss, one is the answer, several are an array.',
  );

export type ModuleOptions = z.infer<typeof moduleOptions>;
