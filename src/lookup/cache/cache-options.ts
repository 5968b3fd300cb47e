import { z } from 'zod';
import { duration } from '../../core/options/units.ts';

/** What `lookups.NAME.cache` takes. */

const mostEntries = 10_000_000;
const thirtyDaysMs = 30 * 86_400_000;
const expectedEntries = `expected a whole number from 1 to ${mostEntries}`;

/** How many answers are held if only `ttl` bounds the cache: some megabytes of usual answers. */
const defaultMaxEntries = 10_000;

const atMostThirtyDays = (leastMs: number, least: string) =>
  duration.refine((ms) => ms >= leastMs && ms <= thirtyDaysMs, `expected a duration from ${least} to 720h`);

const keys = z.strictObject({
  maxEntries: z.int(expectedEntries).min(1, expectedEntries).max(mostEntries, expectedEntries).exactOptional().meta({
    description:
      'Answers that are held, misses included, 1 to 10000000. A further answer replaces the least recently used one. An answer is as large as its JSON, so this bounds the memory. Default 10000, if there is a ttl.',
    default: defaultMaxEntries,
  }),
  ttl: atMostThirtyDays(1, '1ms')
    .exactOptional()
    .describe('How long an answer is used again, 1ms to 720h. Default: until another answer replaces it.'),
  negativeTtl: atMostThirtyDays(0, '0s')
    .prefault('0s')
    .describe(
      'How long a miss is used again, 0s to 720h. Default 0s, never: the key may have an answer a moment later.',
    ),
  staleWhileRevalidate: atMostThirtyDays(0, '0s')
    .prefault('0s')
    .describe(
      'How long after its ttl an answer is still used, 0s to 720h, while one call fetches a new one (RFC 5861). Default 0s: no record gets an old answer.',
    ),
  staleIfError: atMostThirtyDays(0, '0s')
    .prefault('0s')
    .describe(
      'How long after its ttl an answer is used if the call for a new one failed, 0s to 720h (RFC 5861). Default 0s: the record fails.',
    ),
});

const staleKeys = ['staleWhileRevalidate', 'staleIfError'] as const;

const bounded = z.superRefine<z.output<typeof keys>>(
  (cache, context) => {
    if (cache.maxEntries === undefined && cache.ttl === undefined) {
      const message =
        'expected a bound: set maxEntries (how many answers are held), ttl (for how long), or both, such as { maxEntries: 10000, ttl: 5m }';
      context.addIssue({ code: 'custom', message });
    } else if (cache.ttl === undefined) {
      for (const key of staleKeys) {
        if (cache[key] === 0) continue;
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected a ttl beside it: without a ttl no answer becomes old',
        });
      }
    }
  },
  // A misspelt bound is one mistake, not two.
  { when: ({ issues }) => issues.length === 0 },
);

export const cacheOptions = keys
  .check(bounded)
  .transform(({ maxEntries = defaultMaxEntries, ttl = Infinity, ...others }) => ({ maxEntries, ttl, ...others }))
  .describe('Keeps answers in memory and uses them again, for all pipelines and streams. A failure is never kept.');

/** Durations in milliseconds; `ttl` is Infinity if answers do not become old. */
export type CacheOptions = z.output<typeof cacheOptions>;
