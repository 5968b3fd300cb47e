import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { duration } from '../../core/options/units.ts';

/** What `lookups.NAME.table` takes. */

const dayMs = 86_400_000;

const reload = z
  .strictObject({
    onChange: z
      .boolean()
      .refine((set) => set, 'expected true; leave reload out for a table that is read only with the configuration')
      .exactOptional()
      .describe(
        'true: when the file has changed. It is checked once a second; a rename and a replaced symbolic link are changes.',
      ),
    every: duration
      .refine((ms) => ms > 0 && ms <= dayMs, 'expected a duration above 0s and up to 24h')
      .exactOptional()
      .describe(
        'After this time, whether the file has changed or not, above 0s and up to 24h: for file systems that do not show changes. It counts from the end of the last reading.',
      ),
  })
  .refine(({ onChange, every }) => (onChange === undefined) !== (every === undefined), {
    error: 'expected exactly one of onChange: true and every: a duration such as 10s',
    // A misspelt key is one mistake, not two.
    when: ({ issues }) => issues.length === 0,
  })
  .meta({ oneOf: [{ required: ['onChange'] }, { required: ['every'] }] });

export type TableReloadOptions = z.output<typeof reload>;

const delimited = /\.(?:csv|tsv)$/i;

/** The character between the cells if the configuration has no `delimiter`; undefined for a file without cells. */
export function defaultDelimiter(file: string): string | undefined {
  if (!delimited.test(file)) return undefined;
  return file.toLowerCase().endsWith('.tsv') ? '\t' : ',';
}

export const tableOptions = z
  .strictObject({
    file: z
      .string()
      .regex(/\.(?:csv|tsv|json|ndjson)$/i, 'expected a file that ends in .csv, .tsv, .json or .ndjson')
      .describe(
        'File with the rows, relative to the configuration file: .csv or .tsv (a header row; values are strings), .json (an array of objects, or one object whose members are named by the key), or .ndjson (one object on each line). It is held in memory.',
      )
      .register(grammars, { grammar: 'text' }),
    key: z
      .string()
      .min(1)
      .describe(
        'Column by which rows are found, and the one argument of the lookup. Two rows with one key are an error.',
      ),
    delimiter: z
      .string()
      .regex(
        /^[^"\r\n]$/u,
        'expected one character, and neither a quote nor a line break: for example ";", or "\\t" for a tab',
      )
      .register(grammars, { grammar: 'text' })
      .exactOptional()
      .describe(
        'The one character between the cells of a .csv or .tsv file; "\\t", in double quotes, is a tab. Default: a comma for .csv, a tab for .tsv.',
      ),
    reload: reload
      .exactOptional()
      .describe(
        'When the file is read again while the service runs. The new rows replace the old ones when all of them are read; if that fails, the old rows stay. Default: only when the configuration is loaded again.',
      ),
  })
  .refine(({ file, delimiter }) => delimiter === undefined || delimited.test(file), {
    path: ['delimiter'],
    error: 'is only for .csv and .tsv files: a .json or .ndjson file has no cells; remove it',
    // A mistake in either key is reported by itself.
    when: ({ issues }) => issues.length === 0,
  })
  .meta({
    description: 'Finds rows in a file; no server is needed.',
    not: {
      required: ['file', 'delimiter'],
      properties: {
        file: {
          type: 'string',
          pattern: String.raw`\.(?:json|ndjson)$`,
          description: 'Only .csv and .tsv files have cells.',
        },
      },
    },
  })
  .transform((table) => ({ ...table, delimiter: table.delimiter ?? defaultDelimiter(table.file) }));

export type TableOptions = z.output<typeof tableOptions>;
