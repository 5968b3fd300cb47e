import { z } from 'zod';
import { durationMs, durationPattern, sizeBytes, sizePattern } from './quantity.ts';

/**
 * The schemas that turn durations and sizes such as `5s` and `64KiB` into milliseconds and bytes. A default is written
 * with `.prefault('5s')`, so that the JSON Schema shows it as a user would write it.
 */
const durationExpected = 'expected a duration such as 250ms, 5s, 2m or 1h';
const sizeExpected = 'expected a size such as 64KiB, 1MiB or 10MB, or a number of bytes';

/** A duration in the configuration: the input is a string, the output milliseconds. `expected` is the message. */
export const durationWith = (expected: string) =>
  z
    .string(expected)
    .regex(durationPattern, expected)
    .transform((text) => durationMs(text) ?? 0);

export const duration = durationWith(durationExpected);

/** A size in the configuration: the input is a string or a whole number of bytes, the output bytes. */
export const size = z
  .union([z.string().regex(sizePattern, sizeExpected), z.int().min(0)], sizeExpected)
  .transform((spelling, context) => {
    const bytes = typeof spelling === 'number' ? spelling : sizeBytes(spelling);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: sizeExpected });
    return z.NEVER;
  });
