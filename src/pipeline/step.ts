import { RecordError } from '../core/errors.ts';
import { formatPointer } from '../core/json-pointer.ts';
import type { Argument, Arguments } from '../lookup/lookup.ts';
import { MemberScan } from '../wire/member-scan.ts';
import type { Place } from '../wire/splice.ts';
import type { Condition, Until } from './condition.ts';
import type { Lookup } from './lookups.ts';
import type { RecordText, Source } from './record-text.ts';

/** Where one argument of a lookup comes from. */
export type ArgumentSource =
  | {
      readonly name: string;
      readonly constant: Argument;
      /** The constant without what references brought in. */
      readonly shown: Argument;
    }
  | ({ readonly name: string } & Source);

/** How a step goes on asking. */
export interface Repeat {
  readonly until: Until;
  /** Calls at the most, the first one counted. */
  readonly max: number;
}

/** One line of `enrich`, ready to run. */
export interface Step {
  readonly index: number;
  readonly lookup: Lookup;
  readonly sources: readonly ArgumentSource[];
  readonly into: string;
  readonly place: Place;
  /** The place as a source. */
  readonly target: Source;
  /** No step before this one writes below the same top-level member: the record's own parse still tells what is there. */
  readonly writesFirst: boolean;
  readonly when: Condition | undefined;
  readonly repeat: Repeat | undefined;
  readonly waitsFor: readonly number[];
  /** Those of them that an argument comes from: without their answer there is no call. */
  readonly needs: readonly number[];
  readonly dependents: readonly number[];
}

/** The arguments of a call, taken from a record. Throws RecordError `missing_argument` where one is absent or null. */
export function argumentsOf(step: Step, record: RecordText, scan?: MemberScan): Arguments {
  const args: Record<string, Argument> = {};
  for (const source of step.sources) {
    if ('constant' in source) args[source.name] = source.constant;
    else {
      const argument = record.argument(source, scan);
      args[source.name] = argument ?? missing(step, source, argument);
    }
  }
  return args;
}

/** These arguments as anybody may see them: constants of the configuration without what references brought in. */
export function shownArguments(step: Step, args: Arguments): Arguments {
  const shown = step.sources.flatMap((source) => ('constant' in source ? [[source.name, source.shown] as const] : []));
  return { ...args, ...Object.fromEntries(shown) };
}

function missing(step: Step, { name, tokens }: Source & { readonly name: string }, found: undefined | null): never {
  const what = found === null ? 'holds null' : 'holds nothing';
  throw new RecordError('missing_argument', `${formatPointer(tokens)} ${what}, and {${name}} is taken from there`, {
    lookup: step.lookup.name,
  });
}

/** The scan that finds what these steps read and write, by the numbers of their sources. */
export function scanFor(steps: readonly Step[]): MemberScan {
  const names: string[] = [];
  for (const { sources, target } of steps) {
    for (const source of [target, ...sources]) {
      if ('constant' in source || source.tokens[0] === undefined) continue;
      names[source.scanned] = source.tokens[0];
    }
  }
  return new MemberScan(names);
}
