import type { z } from 'zod';

/** The parameter of `z.strictObject` whose message shows the form of the map to an author who wrote another type. */
export function mapSuchAs(example: string): { error: (issue: z.core.$ZodRawIssue) => string | undefined } {
  return { error: ({ code }) => (code === 'invalid_type' ? `expected a map such as ${example}` : undefined) };
}
