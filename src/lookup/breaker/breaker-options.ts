import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';
import { duration } from '../../core/options/units.ts';

/** What `lookups.NAME.breaker` takes. */

const mostCalls = 1_000_000;
const expectedRatio = 'expected a number from 0.01 to 1';
const expectedMinimum = `expected a whole number from 1 to ${mostCalls}`;

const between = (leastMs: number, least: string, mostMs: number, most: string) =>
  duration.refine((ms) => ms >= leastMs && ms <= mostMs, `expected a duration from ${least} to ${most}`);

export const breakerOptions = z
  .strictObject(
    {
      failureRatio: z
        .number(expectedRatio)
        .min(0.01, expectedRatio)
        .max(1, expectedRatio)
        .default(0.5)
        .describe('The share of failed and slow calls in the window, 0.01 to 1, at which the breaker opens.'),
      slowerThan: between(1, '1ms', 86_400_000, '24h')
        .exactOptional()
        .describe(
          'A call that takes longer counts as failed, whatever its answer. Default: the duration of a call does not count.',
        ),
      minimum: z
        .int(expectedMinimum)
        .min(1, expectedMinimum)
        .max(mostCalls, expectedMinimum)
        .default(20)
        .describe('The breaker stays closed while the window has fewer calls: a few failures say little.'),
      window: between(100, '100ms', 3_600_000, '1h')
        .prefault('10s')
        .describe('The calls of the last window count. The window moves in steps of a tenth.'),
      open: between(10, '10ms', 3_600_000, '1h')
        .prefault('5s')
        .describe('How long the breaker is open, until one call tries the lookup again.'),
      whenOpen: z
        .enum(['fail', 'wait'], 'expected fail or wait')
        .default('fail')
        .describe(
          'What happens to other records while the breaker is open: fail: the error breaker_open at once; wait: they wait, and their streams are read more slowly.',
        ),
    },
    mapSuchAs('{ failureRatio: 0.5 }'),
  )
  .describe('Stops calling a lookup whose calls fail or are slow, and tries it again with one call at a time.');

/** Durations in milliseconds. */
export type BreakerOptions = z.output<typeof breakerOptions>;
