import { RecordError } from '../core/errors.ts';
import { formatPointer, resolvePointer } from '../core/json-pointer.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { type Argument, type Arguments, RawJson } from '../lookup/lookup.ts';
import { locate } from '../wire/json-text.ts';
import type { Place } from '../wire/splice.ts';
import type { Condition } from './condition.ts';
import type { Lookup } from './lookups.ts';

/** Where one argument of a lookup comes from. */
export type ArgumentSource =
  | { readonly name: string; readonly constant: Argument }
  | { readonly name: string; readonly tokens: readonly string[] };

/** One line of `enrich`, ready to run. */
export interface Step {
  readonly index: number;
  readonly lookup: Lookup;
  readonly sources: readonly ArgumentSource[];
  readonly into: string;
  readonly place: Place;
  /** No step before this one writes below the same top-level member: the record's own parse still tells what is there. */
  readonly writesFirst: boolean;
  readonly when: Condition | undefined;
  readonly waitsFor: readonly number[];
  readonly dependents: readonly number[];
}

/** The arguments of a call, taken from a record. Throws RecordError `missing_argument` where one is absent or null. */
export function argumentsOf(step: Step, line: string, record: JsonObject): Arguments {
  const args: Record<string, Argument> = {};
  for (const source of step.sources) {
    args[source.name] = 'constant' in source ? source.constant : take(step, source.name, source.tokens, line, record);
  }
  return args;
}

function take(step: Step, name: string, tokens: readonly string[], line: string, record: JsonObject): Argument {
  const value: JsonValue | undefined = resolvePointer(record, tokens);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return value;
  if (value === undefined || value === null) {
    const what = value === null ? 'holds null' : 'holds nothing';
    throw new RecordError('missing_argument', `${formatPointer(tokens)} ${what}, and {${name}} is taken from there`, {
      lookup: step.lookup.name,
    });
  }
  const span = locate(line, tokens);
  return new RawJson(span === undefined ? JSON.stringify(value) : line.slice(span.start, span.end));
}
