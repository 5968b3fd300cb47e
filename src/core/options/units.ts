import { z } from 'zod';
import { durationMs, durationPattern, sizeBytes, sizePattern } from './quantity.ts';

export { durationMs, sizeBytes } from './quantity.ts';

/**
 * The schemas that turn durations and sizes, as people write them, into milliseconds and bytes. Defaults are given in
 * the same spelling with `.prefault('5s')`, so that the JSON Schema shows them as a user would write them.
 */
const durationExpected = 'expected a duration such as 250ms, 5s, 2m or 1h';
const sizeExpected = 'expected a size such as 64KiB, 1MiB or 10MB, or a number of bytes';

/** A duration in the configuration: a string in, milliseconds out. */
export const duration = z
  .string(durationExpected)
  .regex(durationPattern, durationExpected)
  .transform((text) => durationMs(text) ?? 0);

/** A size in the configuration: a string, or a whole number of bytes, in; bytes out. */
export const size = z
  .union([z.string().regex(sizePattern, sizeExpected), z.int().min(0)], sizeExpected)
  .transform((given, context) => {
    const bytes = typeof given === 'number' ? given : sizeBytes(given);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: sizeExpected });
    return z.NEVER;
  });
