import { z } from 'zod';

/** What `lookups.NAME.table` takes. */
export const tableOptions = z
  .strictObject({
    file: z
      .string()
      .regex(/\.(?:csv|json|ndjson)$/i, 'expected a file that ends in .csv, .json or .ndjson')
      .describe(
        'File with the rows, relative to the configuration file: .csv (a header row; values are strings), .json (an array of objects, or one object whose members are named by the key), or .ndjson (an object a line). It is held in memory.',
      ),
    key: z
      .string()
      .min(1)
      .describe(
        'Column by which rows are found, and the one argument of the lookup. Two rows with one key are an error.',
      ),
  })
  .describe('Looks rows up in a file: no server needed.');

export type TableOptions = z.infer<typeof tableOptions>;
