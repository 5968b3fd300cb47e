import { RecordError } from '../../core/errors.ts';
import { formatPointer } from '../../core/json/json-pointer.ts';
import { Answer, type Argument, type Arguments } from '../../lookup/lookup.ts';
import type { MemberSpans } from '../../wire/json/member-scan.ts';
import { MemberTable } from '../../wire/json/member-table.ts';
import type { Place } from '../../wire/splice.ts';
import type { Condition, Until } from './condition.ts';
import type { Lookup } from '../lookups/lookups.ts';
import type { RecordText, RecordPlace } from '../record/record-text.ts';

/** Where one argument of a lookup comes from. */
type ArgumentSource =
  | {
      readonly name: string;
      readonly constant: Argument;
      /** The constant with its references unresolved, for messages. */
      readonly shown: Argument;
    }
  | ({ readonly name: string } & RecordPlace);

/** How a step repeats its lookup. */
export interface Repeat {
  readonly until: Until;
  /** Most calls, the first one counted. */
  readonly max: number;
}

/** One line of `enrich`, ready to run. */
export interface Step {
  readonly index: number;
  readonly lookup: Lookup;
  readonly sources: readonly ArgumentSource[];
  readonly into: string;
  readonly place: Place;
  /** `into` as a place of the record. */
  readonly target: RecordPlace;
  /** No earlier step writes below the same top-level member: whether the record has the member decides the splice. */
  readonly writesFirst: boolean;
  readonly when: Condition | undefined;
  readonly repeat: Repeat | undefined;
  /** Whether a record without one of the arguments fails, or has a miss without a call. */
  readonly onMissingArgument: 'error' | 'miss';
  readonly waitsFor: readonly number[];
  /** The steps among them that an argument comes from: without their answer there is no call. */
  readonly needs: readonly number[];
  readonly dependents: readonly number[];
}

/** The miss of a step that makes no call: an argument is missing, or the answer that it is read from is a miss. */
export const uncalledMiss = new Answer(undefined, 0);

/**
 * The arguments of a call, taken from a record. If one is absent or null: undefined if the step has a miss then, else
 * RecordError `missing_argument` is thrown.
 */
export function argumentsOf(step: Step, record: RecordText, spans?: MemberSpans): Arguments | undefined {
  const args: Record<string, Argument> = {};
  for (const source of step.sources) {
    if ('constant' in source) args[source.name] = source.constant;
    else {
      const argument = record.argument(source, spans);
      if (argument === undefined || argument === null) {
        if (step.onMissingArgument === 'miss') return undefined;
        throw missing(step, source, argument);
      }
      args[source.name] = argument;
    }
  }
  return args;
}

/** The arguments with constants as `shown`, so that they hold no secret that came by a reference. */
export function shownArguments(step: Step, args: Arguments): Arguments {
  const shown = step.sources.flatMap((source) => ('constant' in source ? [[source.name, source.shown] as const] : []));
  return { ...args, ...Object.fromEntries(shown) };
}

/** The missing argument, if `argumentsOf` returns undefined. */
export function missingArgument(step: Step, record: RecordText): RecordError | undefined {
  for (const source of step.sources) {
    if ('constant' in source) continue;
    const argument = record.argument(source, undefined);
    if (argument === undefined || argument === null) return missing(step, source, argument);
  }
  return undefined;
}

function missing(
  step: Step,
  { name, tokens }: RecordPlace & { readonly name: string },
  found: undefined | null,
): RecordError {
  const fault = found === null ? 'null' : 'missing';
  return new RecordError(
    'missing_argument',
    `${formatPointer(tokens)} is ${fault}; argument {${name}} is read from it`,
    {
      lookup: step.lookup.name,
    },
  );
}

/** The members that these steps read and write, by their index in a scan. */
export function membersOf(steps: readonly Step[]): MemberTable {
  const names: string[] = [];
  for (const { sources, target } of steps) {
    for (const source of [target, ...sources]) {
      if ('constant' in source || source.tokens[0] === undefined) continue;
      names[source.scanIndex] = source.tokens[0];
    }
  }
  return new MemberTable(names);
}
