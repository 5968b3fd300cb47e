import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';

/** What `lookups.NAME.rateLimit` takes. */

const mostPerSecond = 1_000_000;
const leastPerSecond = 0.001;
const expectedRate = `expected a number from ${leastPerSecond} to ${mostPerSecond}`;
const expectedBurst = `expected a whole number from 1 to ${mostPerSecond}`;

/** The calls of a tenth of a second, at least 1. */
export const defaultBurst = (perSecond: number): number => Math.max(1, Math.ceil(perSecond / 10));

export const rateLimitOptions = z
  .strictObject(
    {
      perSecond: z
        .number(expectedRate)
        .min(leastPerSecond, expectedRate)
        .max(mostPerSecond, expectedRate)
        .describe(
          'Calls that begin in a second, 0.001 to 1000000, retries included; 0.5 is one in two seconds. Each process counts its own.',
        ),
      burst: z
        .int(expectedBurst)
        .min(1, expectedBurst)
        .max(mostPerSecond, expectedBurst)
        .exactOptional()
        .describe(
          'Calls that may begin at the same time after a quiet period, 1 to 1000000. Default: those of a tenth of a second, at least 1.',
        ),
    },
    mapSuchAs('{ perSecond: 50 }'),
  )
  .transform(({ perSecond, burst = defaultBurst(perSecond) }) => ({ perSecond, burst }))
  .describe('Bounds the calls in a second, of all streams together. Further calls wait; the streams take turns.');

export type RateLimitOptions = z.output<typeof rateLimitOptions>;
