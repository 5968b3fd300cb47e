import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';

/** What `lookups.NAME.concurrency` takes. */

const most = 100_000;
const whole = `expected a whole number from 1 to ${most}`;
const expected = `${whole}, or { adaptive: { min: 1, max: 200 } }`;

const count = z.int(whole).min(1, whole).max(most, whole);

const adaptive = z
  .strictObject(
    {
      min: count.default(1).describe('The lowest limit, 1 to 100000. Default 1.'),
      max: count.describe('The highest limit, 1 to 100000.'),
    },
    mapSuchAs('{ min: 1, max: 200 }, which observe needs as well'),
  )
  .refine(({ min, max }) => min <= max, { path: ['min'], error: 'expected at most adaptive.max' })
  .describe('Finds the limit from the round trips of the attempts, between these two.');

export const concurrencyOptions = z
  .union(
    [
      count,
      z.strictObject({
        adaptive,
        observe: z
          .boolean('expected true or false')
          .default(false)
          .describe('true: the limit is computed and shown, but no call waits for it. Default false.'),
      }),
    ],
    expected,
  )
  .describe(
    'Calls that may run at the same time, 1 to 100000, for all streams of the process together, or a limit that adapts to the far end. A call above it waits for its turn, which is backpressure, never an error. Default none: `connections` of `http` is the only bound.',
  );

export type ConcurrencyOptions = z.output<typeof concurrencyOptions>;
