import { z } from 'zod';
import { mapSuchAs } from '../../core/options/map-such-as.ts';
import type { RecordErrorCode } from '../../core/errors.ts';
import { duration } from '../../core/options/units.ts';

/** What `lookups.NAME.retry` takes. */

/** Failures of a call that another call might not have. */
const codes = [
  'unreachable',
  'timeout',
  'bad_status',
  'bad_response',
  'response_too_large',
  'breaker_open',
  'function_error',
  'invalid_result',
] as const satisfies readonly RecordErrorCode[];

const expectedOn = `expected an HTTP status, or one of ${codes.join(', ')}`;
const hourMs = 3_600_000;
const wait = duration.refine((ms) => ms <= hourMs, 'expected a duration from 0s to 1h');

const backoff = z
  .strictObject({
    initial: wait
      .prefault('100ms')
      .describe('Wait before the first retry: long enough to open a new connection, too short to be noticed.'),
    max: wait.prefault('10s').describe('The longest wait by the multiplier; Retry-After may be longer.'),
    multiplier: z
      .number()
      .min(1)
      .max(100)
      .default(2)
      .describe('Each wait is this many times the one before, from 1 (always the same) to 100.'),
    jitter: z
      .enum(['full', 'none'], 'expected full or none')
      .default('full')
      .describe(
        'full: a random part of each wait, so that records which failed together are not called again together; none: the whole wait.',
      ),
  })
  .refine(({ initial, max }) => initial <= max, { path: ['initial'], error: 'expected at most backoff.max' });

const budget = z.strictObject({
  ratio: z
    .number()
    .min(0)
    .max(1000)
    .default(0.2)
    .describe(
      'Retries for each call of the last ten seconds. With 0.2 a busy lookup whose calls all fail gets a fifth more calls.',
    ),
  perSecond: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(10)
    .describe('Retries that are permitted in each second, however few the calls are.'),
});

export const retryOptions = z
  .strictObject(
    {
      attempts: z
        .int('expected a whole number from 0 to 1000')
        .min(0, 'expected a whole number from 0 to 1000')
        .max(1000, 'expected a whole number from 0 to 1000')
        .describe('Retries of one record, 0 to 1000. The first call is not counted: 2 means at most three calls.'),
      backoff: backoff.prefault({}).describe('The wait before retry n: initial × multiplier^(n - 1), at most max.'),
      on: z
        .array(z.union([z.enum(codes), z.int(expectedOn).min(100, expectedOn).max(599, expectedOn)], expectedOn))
        .default(['unreachable', 'timeout', 429, 502, 503, 504])
        .describe(
          'Failures that are retried: codes and HTTP statuses. The default has the failures that often pass by themselves; bad_status means every status.',
        ),
      onMiss: z
        .boolean()
        .default(false)
        .describe('Also retry a miss, for data that may arrive after its first request.'),
      budget: budget
        .prefault({})
        .describe('Bounds the retries of all records together. If the budget is spent, a failure is final.'),
    },
    mapSuchAs('{ attempts: 3 }'),
  )
  .describe(
    'Calls again after a failure, as long as the wait ends before the timeout of the pipeline. Retry-After is honoured.',
  );

export type RetryOptions = z.output<typeof retryOptions>;
