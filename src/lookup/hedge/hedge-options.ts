import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';
import { durationWith } from '../../core/options/units.ts';

/** What `lookups.NAME.hedge` takes. */

const hourMs = 3_600_000;
const expectedAfter = 'expected p95, or a duration from 1ms to 1h';
const expectedMax = 'expected a whole number from 1 to 5';

export const hedgeOptions = z
  .strictObject(
    {
      after: z
        .union(
          [z.literal('p95'), durationWith(expectedAfter).refine((ms) => ms >= 1 && ms <= hourMs, expectedAfter)],
          expectedAfter,
        )
        .describe(
          'How long a call may take before a second one is made: a duration from 1ms to 1h, or p95, the time that 95 of 100 of the last calls did not exceed.',
        ),
      max: z
        .int(expectedMax)
        .min(1, expectedMax)
        .max(5, expectedMax)
        .default(1)
        .describe('Further calls for one attempt, 1 to 5, each `after` the one before. Default 1.'),
      idempotent: z
        .boolean('expected true or false')
        .default(false)
        .describe(
          'true: the same request may take effect twice. Needed for POST, PATCH and a function. Default false: only GET, PUT, DELETE and QUERY are hedged.',
        ),
    },
    mapSuchAs('{ after: p95 }'),
  )
  .describe('Makes a second call if the first one takes long, and uses the first answer.');

export type HedgeOptions = z.output<typeof hedgeOptions>;
