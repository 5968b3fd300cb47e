import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { parsePointer } from '../../core/json/json-pointer.ts';
import { duration, size } from '../../core/options/units.ts';

/** Names are part of URLs, metric labels and command lines. */
export const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/;

const dayMs = 86_400_000;

/** A duration from `leastMs` to one day. A longer one is a typing error, and timers of Node.js end at 24.8 days. */
export function durationFrom(leastMs: number) {
  const least = leastMs === 0 ? '0s' : `${leastMs}ms`;
  return duration.refine((ms) => ms >= leastMs && ms <= dayMs, `expected a duration from ${least} to 24h`);
}

/** A size of at least one byte and at most `most`, which `mostText` spells. */
export function sizeUpTo(most: number, mostText: string) {
  return size.refine((bytes) => bytes >= 1 && bytes <= most, `expected a size from 1B to ${mostText}`);
}

export function wholeNumber(least: number, most: number) {
  const expected = `expected a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

export function oneOf<const Value extends string>(values: readonly Value[], hint = '') {
  return z.enum(values, `expected ${listed(values)}${hint}`);
}

/** The place that a value is read from. The empty pointer is the whole record. RFC 6901. */
export const pointer = z
  .string('expected a JSON Pointer such as /origin')
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, { error: ({ input }) => pointerProblem(input) })
  .register(grammars, { grammar: 'pointer' });

/** The place that a value is written to: a member of the record, or a place below one. RFC 6901. */
export const memberPointer = z
  .string('expected a JSON Pointer such as /originAirport')
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, { error: ({ input }) => pointerProblem(input) })
  .register(grammars, { grammar: 'pointer' });

function pointerProblem(input: unknown): string {
  try {
    parsePointer(String(input));
    return 'expected a JSON Pointer to a member, such as /originAirport: the whole record cannot be replaced';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `a, b or c` */
export function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

/** A CEL expression on these variables. */
export function celExpression(variables: string) {
  const expected = `expected a CEL expression on ${variables}`;
  return z.string(expected).min(1, expected).register(grammars, { grammar: 'cel' });
}
