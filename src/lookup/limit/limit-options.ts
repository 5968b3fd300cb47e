import { z } from 'zod';

/** What `lookups.NAME.concurrency` takes. */

const most = 100_000;
const expected = `expected a whole number from 1 to ${most}`;

export const concurrencyOptions = z
  .int(expected)
  .min(1, expected)
  .max(most, expected)
  .describe(
    'Calls that may run at the same time, 1 to 100000, for all streams of the process together. A call above it waits for its turn, which is backpressure, never an error. Default none: `connections` of `http` is the only bound.',
  );

export type ConcurrencyOptions = z.output<typeof concurrencyOptions>;
