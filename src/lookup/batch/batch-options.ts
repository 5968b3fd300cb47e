import { z } from 'zod';
import { duration } from '../../core/options/units.ts';

/** What `lookups.NAME.batch` takes, except for the keys of a connector. */

const mostKeys = 10_000;
const mostBatches = 1000;
/** One process handles about a thousand batches of 50 in a second, so 16 keep it busy with calls of up to 16 ms. */
const defaultMaxInFlight = 16;
const hourMs = 3_600_000;

function wholeNumber(most: number) {
  const expected = `expected a whole number from 1 to ${most}`;
  return z.int(expected).min(1, expected).max(most, expected);
}

export const batchKeys = {
  maxSize: wholeNumber(mostKeys).describe(
    'The most requests of one call, 1 to 10000. A batch with so many is sent at once. Equal requests count once.',
  ),
  linger: duration
    .refine((ms) => ms <= hourMs, 'expected a duration from 0s to 1h')
    .prefault('1ms')
    .describe(
      'How long the first request of a batch waits for others, 0s to 1h. A batch is sent earlier if no more requests can come. 0s: only for those of the same turn of the event loop.',
    ),
  maxInFlight: wholeNumber(mostBatches)
    .default(defaultMaxInFlight)
    .describe(
      'Batches that are under way at the same time, 1 to 1000. Over it requests gather, so that batches grow under load. 16 batches of 50 keep a process busy if a call takes up to some 16 ms, and are more requests than the 256 connections of an http lookup carry one by one.',
    ),
};

/** `linger` in milliseconds. */
export type BatchOptions = z.output<z.ZodObject<typeof batchKeys>>;
