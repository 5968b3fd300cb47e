import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';
import { duration, size } from '../../core/options/units.ts';

/** What `lookups.NAME.cache` takes. */

const mostEntries = 10_000_000;
const thirtyDaysMs = 30 * 86_400_000;
const mostBytes = 16 * 2 ** 30;
const expectedBytes = 'expected a size from 1KiB to 16GiB';
const expectedEntries = `expected a whole number from 1 to ${mostEntries}`;

/** How many answers are held if only `ttl` bounds the cache: some megabytes of usual answers. */
const defaultMaxEntries = 10_000;

const atMostThirtyDays = (leastMs: number, least: string) =>
  duration.refine((ms) => ms >= leastMs && ms <= thirtyDaysMs, `expected a duration from ${least} to 720h`);

const keys = z.strictObject(
  {
    maxEntries: z.int(expectedEntries).min(1, expectedEntries).max(mostEntries, expectedEntries).exactOptional().meta({
      description:
        'Answers that are held, misses included, 1 to 10000000. A further answer replaces the least recently used one. Default 10000, if there is a ttl.',
      default: defaultMaxEntries,
    }),
    maxBytes: size
      .refine((bytes) => bytes >= 1024 && bytes <= mostBytes, expectedBytes)
      .prefault('64MiB')
      .describe(
        'Memory that the answers take, 1KiB to 16GiB: one or two bytes for each character of an answer and of its arguments, and 300 for each answer. Above it the least recently used answers are removed, and a larger answer is not held. Default 64MiB.',
      ),
    ttl: atMostThirtyDays(1, '1ms')
      .exactOptional()
      .describe('How long an answer is used again, 1ms to 720h. Default: until another answer replaces it.'),
    negativeTtl: atMostThirtyDays(0, '0s')
      .prefault('0s')
      .describe(
        'How long a miss is used again, 0s to 720h. Default 0s, never: the key may have an answer a moment later.',
      ),
    refreshAhead: atMostThirtyDays(0, '0s')
      .prefault('0s')
      .describe(
        'How long before the end of its ttl an answer in frequent use is fetched again, 0s to 720h, by one call, while it is used. Default 0s: it is fetched after its ttl.',
      ),
    staleWhileRevalidate: atMostThirtyDays(0, '0s')
      .prefault('0s')
      .describe(
        'How long after its ttl an answer is still used, 0s to 720h, while one call fetches a new one (RFC 5861). Default 0s: no record gets an old answer.',
      ),
    respectCacheControl: z
      .boolean('expected true or false')
      .default(false)
      .describe(
        'Whether the header of an HTTP answer decides about storing it (RFC 9111): Cache-Control, Expires, Age; an answer with Vary is not stored, and an old one with ETag or Last-Modified is confirmed by 304. ttl, negativeTtl and the stale keys are for answers that say nothing. Default false: the header is not read.',
      ),
    staleIfError: atMostThirtyDays(0, '0s')
      .prefault('0s')
      .describe(
        'How long after its ttl an answer is used if the call for a new one failed, 0s to 720h (RFC 5861). Default 0s: the record fails.',
      ),
  },
  mapSuchAs('{ maxEntries: 10000, ttl: 5m }'),
);

const keysOfOld = ['refreshAhead', 'staleWhileRevalidate', 'staleIfError'] as const;

const bounded = z.superRefine<z.output<typeof keys>>(
  (cache, context) => {
    if (cache.maxEntries === undefined && cache.ttl === undefined) {
      const message =
        'expected a bound: set maxEntries (how many answers are held), ttl (for how long), or both, such as { maxEntries: 10000, ttl: 5m }';
      context.addIssue({ code: 'custom', message });
    } else if (cache.ttl === undefined) {
      // With the header of an answer, an answer becomes old without a ttl.
      if (cache.respectCacheControl) return;
      for (const key of keysOfOld) {
        if (cache[key] === 0) continue;
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected a ttl beside it: without a ttl no answer becomes old',
        });
      }
    } else if (cache.refreshAhead >= cache.ttl) {
      const message = 'expected less than the ttl: otherwise every use of an answer would fetch it again';
      context.addIssue({ code: 'custom', path: ['refreshAhead'], message });
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
